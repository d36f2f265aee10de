// Serves a folder by express, which uses send, and compresses text.
const [folder, port] = process.argv.slice(2);
const express = require("express");
express()
  .use(require("compression")({ threshold: 0 }))
  .use(express.static(folder))
  .listen(Number(port), "127.0.0.1");
