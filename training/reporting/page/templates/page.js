"use strict";
// Tables whose headings are buttons: by a column, and by it the other way round.
for (const table of document.querySelectorAll("table.sorts")) {
  const headings = [...table.tHead.rows[0].cells];
  const value = (row, column) => {
    const { sort } = row.cells[column].dataset;
    return sort === undefined ? row.cells[column].textContent.trim() : Number(sort);
  };
  const compare = (a, b) => (typeof a === "number" ? a - b : a.localeCompare(b));
  headings.forEach((heading, column) => {
    heading.querySelector("button").addEventListener("click", () => {
      const down = heading.getAttribute("aria-sort") === "ascending";
      for (const other of headings) other.setAttribute("aria-sort", "none");
      heading.setAttribute("aria-sort", down ? "descending" : "ascending");
      const rows = [...table.tBodies[0].rows];
      rows.sort((a, b) => (down ? -1 : 1) * compare(value(a, column), value(b, column)));
      table.tBodies[0].append(...rows);
    });
  });
}
// The matrix of many classes: what lies under the pointer, in words.
for (const map of document.querySelectorAll("svg.map")) {
  const names = JSON.parse(map.dataset.names);
  const told = document.getElementById("told");
  map.addEventListener("pointermove", ({ target }) => {
    if (target.tagName !== "rect") return;
    const { count, share } = target.dataset;
    const [label, predicted] = [target.y, target.x].map((place) => names[place.baseVal.value]);
    told.textContent = `${label} → ${predicted}: ${count} (${(100 * share).toFixed(1)}%)`;
  });
}
