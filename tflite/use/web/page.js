import {getWebGpuDevice, loadAndCompile, loadLiteRt, Tensor} from '@litertjs/core';
import {ACTIVATIONS, crop, normalize} from './photo.js';

const TOP = 5;
const element = (id) => document.getElementById(id);

const card = await (await fetch('/card.json')).json();
await loadLiteRt('/wasm/');
const cpu = await loadAndCompile('/model.tflite', {accelerator: 'wasm'});
const [{dtype}] = cpu.getInputDetails();
let gpu = null; // the model there, while it is chosen
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

/** The probability of every class, on the chosen processor. */
async function classify(image) {
  const pixels = crop(image, card.preprocessing);
  show(pixels);
  const onCpu = await run(cpu, pixels);
  if (!gpu) {
    element('state').textContent = `${onCpu.milliseconds.toFixed(1)} ms`;
    return onCpu.probabilities;
  }
  const onGpu = await run(gpu, pixels);
  element('state').textContent =
    `GPU ${onGpu.milliseconds.toFixed(1)} ms, CPU ${onCpu.milliseconds.toFixed(1)} ms. ` +
    compared(onGpu.probabilities, onCpu.probabilities);
  return onGpu.probabilities;
}

/** What a model says of pixels, and how long that takes. */
async function run(model, pixels) {
  const input = new Tensor(given(pixels), [1, pixels.height, pixels.width, 3]);
  const start = performance.now();
  const [output] = await model.run(input);
  const outputs = await output.data();
  const milliseconds = performance.now() - start;
  const probabilities = card.gives_logits
    ? ACTIVATIONS[card.activation](outputs)
    : Array.from(outputs);
  input.delete();
  output.delete();
  return {probabilities, milliseconds};
}

/** What the model takes of pixels. */
function given(pixels) {
  if (!card.takes_pixels) return normalize(pixels, card.preprocessing);
  return dtype === 'float32' ? Float32Array.from(pixels.data) : new Uint8Array(pixels.data);
}

/** How two answers differ, in words. */
function compared(one, other) {
  const first = (values) => card.class_names[values.indexOf(Math.max(...values))];
  const most = Math.max(...one.map((value, i) => Math.abs(value - other[i])));
  const same = first(one) === first(other) ? 'The same class' : `The CPU says ${first(other)}`;
  return `${same}, probabilities differ by at most ${most.toPrecision(2)}.`;
}

/** Takes the model to a processor; where there is none, says so and stays. */
async function choose(processor) {
  gpu?.delete();
  gpu = null;
  element('state').textContent = 'The model runs on the CPU.';
  if (processor !== 'webgpu') return;
  if (!getWebGpuDevice()) {
    element('state').textContent = 'This browser offers no WebGPU. The model runs on the CPU.';
  } else {
    element('state').textContent = 'Compiling the model for the GPU …';
    const compiled = await loadAndCompile('/model.tflite', {accelerator: 'webgpu'}).catch(
      (error) => error,
    );
    if (compiled.isFullyAccelerated) {
      gpu = compiled;
      element('state').textContent = 'The model runs on the GPU, and on the CPU to compare.';
      return;
    }
    compiled.delete?.();
    const why = compiled instanceof Error ? compiled.message : 'some of its operators have no kernel there';
    element('state').textContent = `The GPU does not take this model: ${why}. It runs on the CPU.`;
  }
  element('processor').value = 'wasm';
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
  element('unsure').hidden = card.threshold === null || best[0][0] >= card.threshold;
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
    element('unsure').hidden = true;
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

element('processor').addEventListener('change', ({target}) => choose(target.value));
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
