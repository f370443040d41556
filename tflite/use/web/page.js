import {loadAndCompile, loadLiteRt, Tensor} from '@litertjs/core';
import {ACTIVATIONS, crop, normalize} from './photo.js';

const TOP = 5;
const element = (id) => document.getElementById(id);

const card = await (await fetch('/card.json')).json();
await loadLiteRt('/wasm/');
const model = await loadAndCompile('/model.tflite', {accelerator: 'wasm'});
element('title').textContent = `${card.architecture}, ${card.format}`;
element('state').textContent = 'Ready.';

/** The bytes of RGB of anything that can be drawn. */
function bytes(source, width, height) {
  const context = new OffscreenCanvas(width, height).getContext('2d', {willReadFrequently: true});
  context.fillStyle = 'white'; // under what is transparent
  context.fillRect(0, 0, width, height);
  context.drawImage(source, 0, 0);
  const rgba = context.getImageData(0, 0, width, height).data;
  return {data: rgba.filter((_, i) => i % 4 !== 3), width, height};
}

/** The probability of every class. */
async function classify(image) {
  const pixels = crop(image, card.preprocessing);
  show(pixels);
  const values = card.takes_pixels ? new Uint8Array(pixels.data) : normalize(pixels, card.preprocessing);
  const input = new Tensor(values, [1, pixels.height, pixels.width, 3]);
  const start = performance.now();
  const [output] = await model.run(input);
  const outputs = output.toTypedArray();
  const milliseconds = performance.now() - start;
  input.delete();
  output.delete();
  element('state').textContent = `${milliseconds.toFixed(1)} ms`;
  return card.gives_logits ? ACTIVATIONS[card.activation](outputs) : Array.from(outputs);
}

function show({data, width, height}) {
  const canvas = element('seen');
  [canvas.width, canvas.height] = [width, height];
  const image = new ImageData(width, height);
  for (let i = 0; i < width * height; i++) {
    image.data.set(data.subarray(3 * i, 3 * i + 3), 4 * i);
    image.data[4 * i + 3] = 255;
  }
  canvas.getContext('2d').putImageData(image, 0, 0);
}

function list(probabilities) {
  const best = probabilities.map((p, i) => [p, card.class_names[i]]).sort((a, b) => b[0] - a[0]);
  element('classes').replaceChildren(
    ...best.slice(0, TOP).map(([probability, name]) => {
      const item = document.createElement('li');
      item.dataset.name = name;
      item.dataset.probability = probability;
      const label = document.createElement('span');
      label.textContent = name;
      const bar = document.createElement('meter');
      bar.value = probability;
      const percent = document.createElement('span');
      percent.textContent = `${(100 * probability).toFixed(1)} %`;
      item.append(label, bar, percent);
      return item;
    }),
  );
}

async function open(file) {
  stop();
  try {
    const bitmap = await createImageBitmap(file, {
      colorSpaceConversion: 'none',
      imageOrientation: 'from-image',
    });
    list(await classify(bytes(bitmap, bitmap.width, bitmap.height)));
  } catch (error) {
    element('state').textContent = `${file.name} cannot be used: ${error.message}`;
    element('classes').replaceChildren();
  }
}

let stream = null; // the camera's, while it is on

async function watch() {
  const button = element('camera');
  const video = element('video');
  button.disabled = true; // until the user has said yes or no
  try {
    stream = await navigator.mediaDevices.getUserMedia({video: {facingMode: 'environment'}});
    video.srcObject = stream;
    await video.play();
  } finally {
    button.disabled = false;
  }
  const current = stream;
  current.getTracks().forEach((track) => track.addEventListener('ended', stop)); // unplugged
  button.textContent = 'Stop the camera';
  video.hidden = false;
  while (stream === current) {
    const probabilities = await classify(bytes(video, video.videoWidth, video.videoHeight));
    if (stream === current) list(probabilities);
    await new Promise(requestAnimationFrame);
  }
}

/** Turns the camera off. */
function stop() {
  stream?.getTracks().forEach((track) => track.stop());
  stream = null;
  const video = element('video');
  video.srcObject = null;
  video.hidden = true;
  element('camera').textContent = 'Use the camera';
}

element('file').addEventListener('change', ({target}) => target.files[0] && open(target.files[0]));
element('camera').addEventListener('click', () => {
  if (stream) {
    stop();
    return;
  }
  watch().catch((error) => {
    stop();
    element('state').textContent = `No camera: ${error.message}`;
  });
});
const drop = element('drop');
for (const kind of ['dragover', 'dragleave', 'drop']) {
  drop.addEventListener(kind, (event) => {
    event.preventDefault();
    drop.classList.toggle('over', kind === 'dragover');
    if (kind === 'drop' && event.dataTransfer.files[0]) open(event.dataTransfer.files[0]);
  });
}
document.body.dataset.ready = 'true';
