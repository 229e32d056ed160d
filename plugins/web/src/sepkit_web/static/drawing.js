// Waveforms and spectrograms on canvases.

const WINDOW = 1024;
const COLUMNS = 600;
const RANGE_DB = 70;
const TOP_HZ = 8000;

export function drawWaveform(canvas, buffer) {
  const samples = buffer.getChannelData(0);
  const [width, height] = [(canvas.width = 1200), (canvas.height = 96)];
  const context = canvas.getContext("2d");
  context.fillStyle = "#2563a8";
  for (let x = 0; x < width; x++) {
    const [start, end] = [x, x + 1].map((edge) => Math.floor((edge * samples.length) / width));
    let [low, high] = [0, 0];
    for (let i = start; i < end; i++) {
      if (samples[i] < low) low = samples[i];
      if (samples[i] > high) high = samples[i];
    }
    const [top, bottom] = [high, low].map((value) => (height / 2) * (1 - Math.max(-1, Math.min(1, value))));
    context.fillRect(x, top, 1, Math.max(1, bottom - top));
  }
}

// Levels are drawn below `loudest`, so that stems can be compared; the loudest level of this one is returned.
export function drawSpectrogram(canvas, buffer, loudest) {
  const samples = buffer.getChannelData(0);
  const bins = Math.min(WINDOW / 2, Math.round((TOP_HZ / buffer.sampleRate) * WINDOW));
  const columns = Math.max(1, Math.min(COLUMNS, Math.ceil(samples.length / (WINDOW / 4))));
  const levels = new Float32Array(columns * bins);
  const [real, imaginary] = [new Float32Array(WINDOW), new Float32Array(WINDOW)];
  let highest = -Infinity;
  for (let column = 0; column < columns; column++) {
    const start = Math.floor(((samples.length - WINDOW) * column) / Math.max(1, columns - 1));
    for (let i = 0; i < WINDOW; i++) {
      const hann = 0.5 - 0.5 * Math.cos((2 * Math.PI * i) / WINDOW);
      real[i] = hann * (samples[start + i] ?? 0);
      imaginary[i] = 0;
    }
    transform(real, imaginary);
    for (let bin = 0; bin < bins; bin++) {
      const level = 10 * Math.log10(real[bin] ** 2 + imaginary[bin] ** 2 + 1e-12);
      levels[column * bins + bin] = level;
      if (level > highest) highest = level;
    }
  }
  [canvas.width, canvas.height] = [columns, bins];
  const context = canvas.getContext("2d");
  const image = context.createImageData(columns, bins);
  for (let column = 0; column < columns; column++) {
    for (let bin = 0; bin < bins; bin++) {
      const share = 1 + (levels[column * bins + bin] - (loudest ?? highest)) / RANGE_DB;
      image.data.set(colour(Math.max(0, Math.min(1, share))), 4 * ((bins - 1 - bin) * columns + column));
    }
  }
  context.putImageData(image, 0, 0);
  return highest;
}

function colour(share) {
  return [255 * share ** 1.5, 220 * share ** 2.2, 60 + 120 * share * (1.4 - share), 255];
}

// The Fourier transform in place, of a length that is a power of two.
function transform(real, imaginary) {
  const length = real.length;
  for (let i = 1, j = 0; i < length; i++) {
    let bit = length >> 1;
    for (; j & bit; bit >>= 1) j ^= bit;
    j ^= bit;
    if (i < j) {
      [real[i], real[j]] = [real[j], real[i]];
      [imaginary[i], imaginary[j]] = [imaginary[j], imaginary[i]];
    }
  }
  for (let size = 2; size <= length; size *= 2) {
    for (let k = 0; k < size / 2; k++) {
      const [c, s] = [Math.cos((-2 * Math.PI * k) / size), Math.sin((-2 * Math.PI * k) / size)];
      for (let a = k; a < length; a += size) {
        const b = a + size / 2;
        const [re, im] = [real[b] * c - imaginary[b] * s, real[b] * s + imaginary[b] * c];
        [real[b], imaginary[b]] = [real[a] - re, imaginary[a] - im];
        real[a] += re;
        imaginary[a] += im;
      }
    }
  }
}
