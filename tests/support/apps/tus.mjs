// @tus/server on a port of its own. Usage: node tus.mjs MODULES PORT FOLDER

import { createRequire } from "node:module";
import { pathToFileURL } from "node:url";

const [modules, port, directory] = process.argv.slice(2);
const require = createRequire(`${modules}/`);
const load = (name) => import(pathToFileURL(require.resolve(name)));
const { Server } = await load("@tus/server");
const { FileStore } = await load("@tus/file-store");

const server = new Server({ path: "/files", datastore: new FileStore({ directory }) });
server.listen({ host: "127.0.0.1", port: Number(port) });
