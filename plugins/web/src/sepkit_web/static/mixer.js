// Tracks that play in step, each with gain, solo and mute.

import { drawSpectrogram, drawWaveform } from "./drawing.js";

const LOWEST_DB = -40;

export class Mixer {
  // tracks: [{name, url, muted}], the first of which is the loudest.
  constructor(place, transport, tracks) {
    this.context = new AudioContext();
    this.transport = transport;
    this.place = place;
    this.position = 0;
    this.started = null;
    this.tracks = tracks.map((track) => this.#track(track));
    place.replaceChildren(...this.tracks.map((track) => track.element));
    place.ariaBusy = "true";
    this.loaded = this.#load();
    transport.play.onclick = () => (this.playing ? this.pause() : this.play());
    transport.seek.oninput = () => this.seek(Number(transport.seek.value));
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
