// `keras_resnets.preprocessing` again: Pillow's antialiased resize, the centre cut out, normalised.

const FILTERS = {
  bilinear: {support: 1, weight: (x) => Math.max(1 - Math.abs(x), 0)},
  bicubic: {
    support: 2,
    weight: (x) => {
      const d = Math.abs(x);
      if (d < 1) return (1.5 * d - 2.5) * d * d + 1;
      return d < 2 ? ((-0.5 * d + 2.5) * d - 4) * d + 2 : 0;
    },
  },
};

/** The weights of the input positions that each output position is a mean of. */
function taps(oldSize, newSize, filter) {
  const scale = oldSize / newSize;
  const stretch = Math.max(scale, 1);
  const reach = filter.support * stretch;
  return Array.from({length: newSize}, (_, position) => {
    const centre = (position + 0.5) * scale;
    const start = Math.max(Math.trunc(centre - reach + 0.5), 0);
    const end = Math.min(Math.trunc(centre + reach + 0.5), oldSize);
    const weights = [];
    for (let i = start; i < end; i++) weights.push(filter.weight((i - centre + 0.5) / stretch));
    const sum = weights.reduce((a, b) => a + b, 0);
    return {start, weights: weights.map((weight) => weight / sum)};
  });
}

/** Resizes {data, width, height}, bytes of RGB: rows first, rounded in between as Pillow does. */
function resize(image, width, height, interpolation) {
  const filter = FILTERS[interpolation];
  const horizontal = new Uint8ClampedArray(width * image.height * 3);
  taps(image.width, width, filter).forEach(({start, weights}, x) => {
    for (let y = 0; y < image.height; y++) {
      for (let c = 0; c < 3; c++) {
        let sum = 0;
        weights.forEach((w, i) => (sum += w * image.data[(y * image.width + start + i) * 3 + c]));
        horizontal[(y * width + x) * 3 + c] = Math.floor(sum + 0.5);
      }
    }
  });
  const data = new Uint8ClampedArray(width * height * 3);
  taps(image.height, height, filter).forEach(({start, weights}, y) => {
    for (let i = 0; i < width * 3; i++) {
      let sum = 0;
      weights.forEach((w, row) => (sum += w * horizontal[(start + row) * width * 3 + i]));
      data[y * width * 3 + i] = Math.floor(sum + 0.5);
    }
  });
  return {data, width, height};
}

/** Rounds halves to even, as Python does. */
function round(x) {
  const down = Math.floor(x);
  return x - down === 0.5 ? down + (down % 2) : Math.round(x);
}

/** The crop that the model sees: {data, width, height}, bytes of RGB. */
export function crop(image, preprocessing) {
  const {size, crop_fraction: fraction, interpolation} = preprocessing;
  const [height, width] = Array.isArray(size) ? size : [size, size];
  const tall = Math.floor(height / fraction);
  const wide = Math.floor(width / fraction);
  let shape;
  if (tall === wide) {
    const short = Math.min(image.width, image.height);
    shape = [wide * image.width, tall * image.height].map((side) => Math.floor(side / short));
  } else {
    const ratio = Math.min(image.height / tall, image.width / wide);
    shape = [round(image.width / ratio), round(image.height / ratio)];
  }
  const resized = resize(image, ...shape, interpolation);
  const left = round((resized.width - width) / 2);
  const top = round((resized.height - height) / 2);
  const data = new Uint8ClampedArray(width * height * 3);
  for (let y = 0; y < height; y++) {
    const from = ((top + y) * resized.width + left) * 3;
    data.set(resized.data.subarray(from, from + width * 3), y * width * 3);
  }
  return {data, width, height};
}

export function normalize({data}, {mean, std}) {
  return Float32Array.from(data, (value, i) => (value / 255 - mean[i % 3]) / std[i % 3]);
}

/** What makes probabilities of logits. */
export const ACTIVATIONS = {
  softmax(logits) {
    const largest = Math.max(...logits);
    const powers = Array.from(logits, (logit) => Math.exp(logit - largest));
    const sum = powers.reduce((a, b) => a + b, 0);
    return powers.map((power) => power / sum);
  },
  sigmoid: (logits) => Array.from(logits, (logit) => 1 / (1 + Math.exp(-logit))),
};
