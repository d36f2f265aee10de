// The application of asgi.py on node: a primary and two workers, as the cluster module has it.
// HUP starts new workers, and retires the old ones when the new ones listen. TERM retires all.
//
//     node node.mjs PORT IDLE_SECONDS [PEM]
import cluster from "node:cluster";
import fs from "node:fs";
import http from "node:http";
import http2 from "node:http2";

const [port, idle, pem] = process.argv.slice(2);
const WORKERS = 2;

function primary() {
  let stopping = false;
  const start = () => cluster.fork();
  for (let n = 0; n < WORKERS; n++) start();
  process.on("SIGHUP", () => {
    for (const old of Object.values(cluster.workers)) {
      start().once("listening", () => old.send("retire"));
    }
  });
  process.on("SIGTERM", () => {
    stopping = true;
    for (const worker of Object.values(cluster.workers)) worker.send("retire");
  });
  cluster.on("exit", () => {
    if (stopping && Object.keys(cluster.workers).length === 0) process.exit(0);
  });
}

function worker() {
  const taken = fs.openSync(process.env.TAKEN, "a", 0o666);
  const answer = (request, response) => {
    const query = new URL(request.url, "http://127.0.0.1").searchParams;
    request.resume();
    request.on("end", () => {
      fs.writeSync(taken, `${request.method} ${query.get("id")}\n`);
      setTimeout(() => response.end(query.get("id")), Number(query.get("ms")));
    });
  };
  const sessions = new Set();
  const server = pem ? http2.createSecureServer(tls(), answer) : http.createServer(answer);
  server.keepAliveTimeout = 1000 * Number(idle);
  server.on("session", (session) => {
    sessions.add(session);
    session.on("close", () => sessions.delete(session));
  });
  server.listen(Number(port), "127.0.0.1");
  process.on("message", () => {
    server.close(() => process.exit(0));
    for (const session of sessions) session.close();
  });
}

function tls() {
  const text = fs.readFileSync(pem);
  return { key: text, cert: text };
}

if (cluster.isPrimary) primary();
else worker();
