// A click on the head of a column sorts its table: numbers as numbers, empty cells last.
for (const table of document.querySelectorAll("table")) {
  const body = table.tBodies[0];
  if (!body || body.rows.length < 8) continue;
  [...table.tHead.rows[0].cells].forEach((head, column) => {
    let ascending = false;
    head.style.cursor = "pointer";
    head.title = "sort by this column";
    head.addEventListener("click", () => {
      ascending = !ascending;
      const value = (row) => row.cells[column].textContent.trim();
      const order = (a, b) => {
        if (!a || !b) return (a ? 0 : 1) - (b ? 0 : 1);
        const difference = Number(a) - Number(b);
        const sign = ascending ? 1 : -1;
        return sign * (Number.isNaN(difference) ? a.localeCompare(b) : difference);
      };
      body.append(...[...body.rows].sort((a, b) => order(value(a), value(b))));
    });
  });
}
