// A host written in JavaScript: node worker_host.mjs SEPKIT MIXTURE OUTPUT
import { spawn } from "node:child_process";

const [sepkit, mixture, output] = process.argv.slice(2);
const worker = spawn(sepkit, ["serve", "--stdio"], { stdio: ["pipe", "pipe", "inherit"] });
const waiting = new Map();
let count = 0;

function ask(method, params = {}) {
  const id = ++count;
  const body = Buffer.from(JSON.stringify({ jsonrpc: "2.0", id, method, params }));
  worker.stdin.write(`Content-Length: ${body.length}\r\n\r\n`);
  worker.stdin.write(body);
  return new Promise((resolve, reject) => waiting.set(id, { resolve, reject }));
}

function heed(message) {
  if (message.method === "progress") {
    const { stage, done, total } = message.params;
    console.error(`${stage} ${Math.round((100 * done) / total)}%`);
  } else if (message.error) {
    waiting.get(message.id).reject(new Error(message.error.message));
  } else {
    waiting.get(message.id).resolve(message.result);
  }
}

let received = Buffer.alloc(0);
worker.stdout.on("data", (chunk) => {
  received = Buffer.concat([received, chunk]);
  for (;;) {
    const end = received.indexOf("\r\n\r\n");
    if (end < 0) return;
    const length = Number(/Content-Length: (\d+)/.exec(received.toString("latin1", 0, end))[1]);
    if (received.length < end + 4 + length) return;
    heed(JSON.parse(received.toString("utf8", end + 4, end + 4 + length)));
    received = received.subarray(end + 4 + length);
  }
});

const { methods } = await ask("list");
console.log(methods.some((method) => method.name === "nmf"));
const told = await ask("separate", { job: "1", mixture, method: "nmf", sources: ["a", "b"], output });
console.log(Object.values(told.files).join(", "));
await ask("separate", { job: "2", mixture: "no-such-song.wav", method: "nmf", output }).catch((error) =>
  console.log(error.message),
);
worker.stdin.end();
