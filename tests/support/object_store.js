// object_store.js: a store of objects for the tests of fs-s3: s3rver, from the npm registry.
//
// usage: node object_store.js MODULES DIRECTORY PORT_FILE [CERTIFICATE KEY]
//
// Serves the bucket "files" on a free port of 127.0.0.1, which it writes into PORT_FILE once it
// listens, with the access key S3RVER and the secret of that name. It checks version 4 signatures.
//
// What it gets wrong, and tests stay away from: in queries it takes !'()* for what need not be encoded,
// in what is copied it leaves ;/?:@&=+$,# encoded; it encodes "&" twice in listings; it cannot abort
// uploads, and knows no If-None-Match for them.
const fs = require("fs");
const path = require("path");
const [modules, directory, portFile, certificate, key] = process.argv.slice(2);
const S3rver = require(path.join(modules, "@20minutes/s3rver"));

const tls = certificate ? { cert: fs.readFileSync(certificate), key: fs.readFileSync(key) } : {};
new S3rver({
  address: "127.0.0.1",
  port: 0,
  silent: true,
  directory,
  vhostBuckets: false,
  serviceEndpoint: "localhost",
  configureBuckets: [{ name: "files" }],
  ...tls,
})
  .run()
  .then(({ port }) => {
    fs.writeFileSync(portFile + ".new", String(port));
    fs.renameSync(portFile + ".new", portFile);
  });
