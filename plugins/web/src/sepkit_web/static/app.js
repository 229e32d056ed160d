// From files to stems: what is given, the method that suits it, the job, the mixer.

import { Mixer } from "./mixer/mixer.js";
import { drawOptions } from "./options.js";

const at = (id) => document.getElementById(id);
const SCORES = /\.(mid|midi|musicxml|xml|mxl)$/i;
const TABLES = /\.(csv|tsv)$/i;
const LABELS = /\.txt$/i;
const KINDS = [
  ["mixture", "the recording"],
  ["score", "its score"],
  ["labels", "labels of what is heard"],
  ["f0", "F0 track of"],
  ["example", "example of"],
];

let methods = [];
let given = [];
let changedOptions = () => ({});
let mixer = null;
let events = null;

async function ask(path, options) {
  const answer = await fetch(path, options);
  if (answer.status === 204) return null;
  const told = await answer.json().catch(() => ({ error: `the server answered ${answer.status}` }));
  if (!answer.ok) throw new Error(told.error ?? `the server answered ${answer.status}`);
  return told;
}

function say(error) {
  at("error").textContent = error?.message ?? error ?? "";
  at("error").hidden = !error;
}

function show(part) {
  for (const id of ["request", "progress", "result"]) at(id).hidden = id !== part && !(part === "result" && id === "request");
}

// What is given.

function add(files) {
  for (const file of files) {
    const kind = SCORES.test(file.name) ? "score" : TABLES.test(file.name) ? "f0" : LABELS.test(file.name) ? "labels" : null;
    const first = !given.some((one) => one.kind === "mixture");
    given.push({ file, kind: kind ?? (first ? "mixture" : "example"), source: file.name.replace(/\.[^.]*$/, "") });
  }
  list();
}

function list() {
  at("given").replaceChildren(
    ...given.map((one) => {
      const item = document.createElement("li");
      const name = document.createElement("span");
      name.textContent = one.file.name;
      const kind = document.createElement("select");
      kind.setAttribute("aria-label", `What ${one.file.name} is`);
      for (const [value, text] of KINDS) kind.add(new Option(text, value, false, value === one.kind));
      kind.onchange = () => {
        one.kind = kind.value;
        list();
      };
      const source = document.createElement("input");
      source.value = one.source;
      source.setAttribute("aria-label", `The source that ${one.file.name} is of`);
      source.hidden = !["f0", "example"].includes(one.kind);
      source.onchange = () => (one.source = source.value.trim());
      const away = document.createElement("button");
      Object.assign(away, { type: "button", textContent: "Remove" });
      away.setAttribute("aria-label", `Remove ${one.file.name}`);
      away.onclick = () => {
        given = given.filter((other) => other !== one);
        list();
      };
      item.append(name, kind, source, away);
      return item;
    }),
  );
  offer();
}

// The method that suits it.

const sources = () =>
  at("sources")
    .value.split(",")
    .map((name) => name.trim())
    .filter(Boolean);

function offer() {
  const kinds = new Set(given.map((one) => (one.kind === "example" ? "examples" : one.kind)));
  if (sources().length) kinds.add("sources");
  const missing = (method) => method.needs.filter((need) => !need.split("|").some((kind) => kinds.has(kind)));
  const used = (method) => [...method.needs.flatMap((need) => need.split("|")), ...method.uses].filter((kind) => kinds.has(kind));
  const select = at("method");
  const before = select.value;
  const [fit, rest] = [document.createElement("optgroup"), document.createElement("optgroup")];
  [fit.label, rest.label] = ["Suit what is given", "Need more"];
  // What makes use of most of what is given comes first.
  const sorted = [...methods].sort((a, b) => used(b).length - used(a).length);
  for (const method of sorted) {
    const lacks = missing(method).map((need) => need.replaceAll("|", " or "));
    const option = new Option(lacks.length ? `${method.name} (needs ${lacks.join(", ")})` : method.name, method.name);
    option.disabled = lacks.length > 0;
    (lacks.length ? rest : fit).append(option);
  }
  select.replaceChildren(fit, rest);
  select.value = before;
  if (select.selectedIndex < 0 || select.selectedOptions[0].disabled) select.value = fit.firstChild?.value ?? "";
  if (select.value !== before) choose();
  at("start").disabled = !given.some((one) => one.kind === "mixture") || !select.value;
}

function choose() {
  const method = methods.find((one) => one.name === at("method").value);
  at("summary").textContent = method ? `${method.summary}.${method.reference ? ` ${method.reference}.` : ""}` : "";
  changedOptions = drawOptions(at("options"), method?.schema ?? {});
}

// The job.

async function submit(event) {
  event.preventDefault();
  say(null);
  const form = new FormData();
  const request = { method: at("method").value, config: changedOptions(), sources: sources(), seed: Number(at("seed").value) };
  form.append("request", JSON.stringify(request));
  for (const one of given) form.append(["f0", "example"].includes(one.kind) ? `${one.kind}:${one.source}` : one.kind, one.file);
  show("progress");
  at("stage").textContent = "sending the recording";
  at("percent").value = "";
  at("bar").removeAttribute("value");
  try {
    const job = await ask("api/jobs", { method: "POST", body: form });
    location.hash = job.id;
    follow(job.id);
  } catch (error) {
    show("request");
    say(error);
  }
}

function follow(id) {
  show("progress");
  at("cancel").onclick = () => ask(`api/jobs/${id}/cancel`, { method: "POST" }).catch(say);
  events?.close();
  events = new EventSource(`api/jobs/${id}/events`);
  events.onmessage = ({ data }) => heed(JSON.parse(data));
  // The browser tries again by itself while the server is started anew; it gives up when the job is not there.
  events.onerror = () => {
    if (events.readyState === EventSource.CLOSED) {
      show("request");
      say("there is no such job any more");
    }
  };
}

function heed(job) {
  at("stage").textContent = job.state === "queued" ? "waiting for its turn" : job.stage;
  if (job.total) at("bar").value = job.done / job.total;
  else at("bar").removeAttribute("value");
  at("percent").value = job.total ? `${Math.floor((100 * job.done) / job.total)} %` : "";
  if (!["done", "failed", "cancelled"].includes(job.state)) return;
  events.close();
  if (job.state === "done") return present(job);
  show("request");
  say(job.error);
}

function present(job) {
  show("result");
  const base = `api/jobs/${job.id}`;
  at("title").textContent = `${job.title} by ${job.method}`;
  at("remarks").replaceChildren(
    ...job.remarks.map((remark) => Object.assign(document.createElement("li"), { textContent: remark })),
  );
  at("archive").href = `${base}/archive`;
  at("picture").src = `${base}/picture`;
  at("command").textContent = job.command;
  at("copy").onclick = () => navigator.clipboard.writeText(job.command).then(() => (at("copy").textContent = "Copied"));
  at("remove").onclick = async () => {
    try {
      await ask(base, { method: "DELETE" });
      mixer.close();
      location.hash = "";
      show("request");
    } catch (error) {
      say(error);
    }
  };
  mixer?.close();
  const stems = Object.entries(job.files).map(([name, file], number) => ({ name, file, url: `${base}/stems/${number}`, muted: false }));
  const mixture = { name: "mixture", file: job.title, url: `${base}/mixture`, muted: true };
  mixer = new Mixer(at("tracks"), [mixture, ...stems]);
  // For whoever wants to look, and for tests.
  window.mixer = mixer;
  mixer.loaded.catch(say);
  at("title").tabIndex = -1;
  at("title").focus();
}

// Everything begins here.

at("files").onchange = () => {
  add(at("files").files);
  at("files").value = "";
};
for (const kind of ["dragenter", "dragover"]) {
  addEventListener(kind, (event) => {
    event.preventDefault();
    at("drop").classList.add("over");
  });
}
for (const kind of ["dragleave", "drop"]) addEventListener(kind, () => at("drop").classList.remove("over"));
addEventListener("drop", (event) => {
  event.preventDefault();
  add(event.dataTransfer.files);
});
at("sources").oninput = offer;
at("method").onchange = choose;
at("request").onsubmit = submit;

try {
  methods = await ask("api/methods");
  offer();
  if (location.hash.length > 1) follow(location.hash.slice(1));
} catch (error) {
  say(error);
}
