// Tracks that play in step, each with gain, solo, mute, waveform and spectrogram; for pages and for notebooks.

const LOWEST_DB = -40;
const WINDOW = 1024;
const COLUMNS = 600;
const RANGE_DB = 70;
const TOP_HZ = 8000;

export class Mixer {
  // tracks: [{name, url, file, muted}], the first of which is the loudest.
  constructor(place, tracks) {
    this.context = new AudioContext();
    this.place = place;
    this.transport = makeTransport();
    this.position = 0;
    this.started = null;
    this.tracks = tracks.map((track) => this.#track(track));
    place.replaceChildren(this.transport.element, ...this.tracks.map((track) => track.element));
    place.ariaBusy = "true";
    this.loaded = this.#load();
    this.transport.play.onclick = () => (this.playing ? this.pause() : this.play());
    this.transport.seek.oninput = () => this.seek(Number(this.transport.seek.value));
    this.timer = setInterval(() => this.#show(), 50);
  }

  get playing() {
    return this.started !== null;
  }

  get duration() {
    return Math.max(0, ...this.tracks.map((track) => track.buffer?.duration ?? 0));
  }

  get now() {
    return this.playing ? Math.min(this.duration, this.context.currentTime - this.started) : this.position;
  }

  async play() {
    await this.context.resume();
    if (this.position >= this.duration) this.position = 0;
    // A common moment a little ahead keeps all tracks in step to the sample.
    const moment = this.context.currentTime + 0.05;
    for (const track of this.tracks) {
      if (!track.buffer) continue;
      track.node = this.context.createBufferSource();
      track.node.buffer = track.buffer;
      track.node.connect(track.volume);
      track.node.start(moment, this.position);
    }
    this.started = moment - this.position;
    this.#show();
  }

  pause() {
    this.position = Math.max(0, this.now);
    this.started = null;
    for (const track of this.tracks) track.node?.stop();
    this.#show();
  }

  seek(seconds) {
    const playing = this.playing;
    if (playing) this.pause();
    this.position = seconds;
    if (playing) this.play();
    this.#show();
  }

  close() {
    clearInterval(this.timer);
    this.context.close();
    this.place.replaceChildren();
  }

  #track({ name, url, muted, file }) {
    const element = document.createElement("div");
    element.className = "track";
    element.setAttribute("role", "group");
    element.setAttribute("aria-label", name);
    const title = document.createElement("h4");
    title.textContent = name;
    const controls = document.createElement("div");
    controls.className = "controls";
    const track = { name, url, element, volume: this.context.createGain(), gain: 0, solo: false, muted };
    track.volume.connect(this.context.destination);
    const toggle = (text, key) => {
      const button = document.createElement("button");
      button.type = "button";
      button.textContent = text;
      button.setAttribute("aria-pressed", String(track[key]));
      button.onclick = () => {
        track[key] = !track[key];
        button.setAttribute("aria-pressed", String(track[key]));
        this.#balance();
      };
      return button;
    };
    const slider = document.createElement("input");
    Object.assign(slider, { type: "range", min: LOWEST_DB, max: 12, step: 1, value: 0 });
    const level = document.createElement("output");
    level.textContent = "0 dB";
    slider.oninput = () => {
      track.gain = Number(slider.value);
      level.textContent = track.gain > LOWEST_DB ? `${track.gain} dB` : "silent";
      this.#balance();
    };
    const label = document.createElement("label");
    label.append("Gain", slider, level);
    const link = document.createElement("a");
    Object.assign(link, { href: url, download: file, textContent: "Download" });
    controls.append(toggle("Solo", "solo"), toggle("Mute", "muted"), label, link);
    const pictures = document.createElement("div");
    pictures.className = "pictures";
    [track.wave, track.spectrogram] = ["wave", "spectrogram"].map((kind) => {
      const canvas = document.createElement("canvas");
      canvas.className = kind;
      canvas.setAttribute("role", "img");
      canvas.setAttribute("aria-label", `${kind === "wave" ? "Waveform" : "Spectrogram"} of ${name}`);
      return canvas;
    });
    track.head = document.createElement("div");
    track.head.className = "head";
    pictures.append(track.wave, track.spectrogram, track.head);
    pictures.onclick = (event) => this.seek((event.offsetX / pictures.clientWidth) * this.duration);
    element.append(title, controls, pictures);
    return track;
  }

  async #load() {
    let loudest;
    for (const track of this.tracks) {
      const answer = await fetch(track.url);
      if (!answer.ok) throw new Error(`${track.name} could not be loaded`);
      try {
        track.buffer = await this.context.decodeAudioData(await answer.arrayBuffer());
      } catch {
        // The mixture may be in a format that only the server reads; stems are WAV.
        track.element.hidden = true;
        continue;
      }
      drawWaveform(track.wave, track.buffer);
      loudest ??= drawSpectrogram(track.spectrogram, track.buffer);
      drawSpectrogram(track.spectrogram, track.buffer, loudest);
    }
    this.place.ariaBusy = "false";
    this.transport.seek.max = this.duration;
    this.#balance();
    this.#show();
  }

  // What is heard: the tracks with solo if there are any, otherwise all that are not muted.
  #balance() {
    const solo = this.tracks.some((track) => track.solo);
    for (const track of this.tracks) {
      const heard = (solo ? track.solo : !track.muted) && track.gain > LOWEST_DB;
      track.volume.gain.setTargetAtTime(heard ? 10 ** (track.gain / 20) : 0, this.context.currentTime, 0.01);
      track.heard = heard;
      track.element.classList.toggle("silent", !heard);
    }
  }

  #show() {
    if (this.playing && this.now >= this.duration) this.pause();
    const { play, seek, time } = this.transport;
    const now = Math.max(0, this.now);
    play.textContent = this.playing ? "Pause" : "Play";
    play.setAttribute("aria-pressed", String(this.playing));
    seek.value = now;
    time.textContent = `${Math.floor(now / 60)}:${String(Math.floor(now % 60)).padStart(2, "0")}`;
    for (const track of this.tracks) track.head.style.left = `${(100 * now) / (this.duration || 1)}%`;
  }
}

function makeTransport() {
  const element = document.createElement("div");
  element.className = "transport";
  const play = Object.assign(document.createElement("button"), { type: "button", textContent: "Play" });
  const seek = Object.assign(document.createElement("input"), { type: "range", min: 0, step: 0.01, value: 0 });
  seek.setAttribute("aria-label", "Position in seconds");
  const time = Object.assign(document.createElement("output"), { className: "time", textContent: "0:00" });
  element.append(play, seek, time);
  return { element, play, seek, time };
}

function drawWaveform(canvas, buffer) {
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
function drawSpectrogram(canvas, buffer, loudest) {
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
