"""store_faults.py: stands between fs-s3 and a store of objects, writes down what is asked, and breaks it.

usage: store_faults.py STORE_PORT STORE_DIRECTORY PORT_FILE LOG FAULTS

Each request becomes a line of LOG: "METHOD target status". FAULTS is a JSON list that is read anew
for each request; an entry is {"match": REGEX on "METHOD target", "times": N (without it: always),
"do": one of those below, "status": …, "body": …, "seconds": …}. The first entry that matches and is
not used up counts. An entry is told apart from others by all of its text.

  answer    do not ask the store; answer with status and body
  reset     do not ask the store; end the connection
  lost      ask the store, and end the connection instead of passing its answer on
  truncate  pass half of the answer's body on, then end the connection
  slow      wait, then pass the request on
  wait      as slow, for as long as the entry is in FAULTS

The store that the tests use has no way to abort an upload, and breaks when one is ended twice. That
is made up for here: the upload's directory is removed, and one that is not there is NoSuchUpload.
"""
import http.client
import http.server
import json
import os
import re
import shutil
import socket
import struct
import sys
import threading
import time
import urllib.parse

store_port, store_directory, port_file, log_path, faults_path = sys.argv[1:]
lock = threading.Lock()
used = {}


def find_fault(line):
    with lock:
        try:
            with open(faults_path, encoding="utf-8") as file:
                faults = json.load(file)
        except FileNotFoundError:
            return None
        for fault in faults:
            name = json.dumps(fault, sort_keys=True)
            if not re.search(fault["match"], line):
                continue
            if used.get(name, 0) >= fault.get("times", 1 << 30):
                continue
            used[name] = used.get(name, 0) + 1
            return fault
    return None


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def note(self, status):
        with lock, open(log_path, "a", encoding="utf-8") as file:
            file.write("%s %s %s\n" % (self.command, self.path, status))

    def cut(self):
        """Without a goodbye: the other side sees a reset."""
        self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self.close_connection = True
        self.connection.close()

    def reply(self, status, headers, body, part=None):
        self.send_response_only(status)
        for name, value in headers:
            if name.lower() not in ("connection", "keep-alive", "transfer-encoding", "content-length"):
                self.send_header(name, value)
        length = dict((n.lower(), v) for n, v in headers).get("content-length", str(len(body)))
        if status != 204:
            self.send_header("Content-Length", length if self.command == "HEAD" else str(len(body)))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body if part is None else body[:part])

    def upload_directory(self):
        query = urllib.parse.parse_qs(urllib.parse.urlsplit(self.path).query)
        upload = query.get("uploadId", [""])[0]
        bucket = self.path.split("/")[1]
        assert re.fullmatch("[0-9a-f]+", upload), upload
        return os.path.join(store_directory, bucket, "._S3rver_uploads", upload)

    def ask_store(self, body):
        if "uploadId=" in self.path:
            directory = self.upload_directory()
            if not os.path.isdir(directory):
                return 404, [], b"<Error><Code>NoSuchUpload</Code></Error>"
            if self.command == "DELETE":
                shutil.rmtree(directory)
                return 204, [], b""
        store = http.client.HTTPConnection("127.0.0.1", int(store_port), timeout=60)
        store.putrequest(self.command, self.path, skip_host=True, skip_accept_encoding=True)
        for name, value in self.headers.items():
            store.putheader(name, value)
        store.endheaders(body)
        answer = store.getresponse()
        result = answer.status, answer.getheaders(), answer.read()
        store.close()
        return result

    def serve(self):
        body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        line = "%s %s" % (self.command, self.path)
        fault = find_fault(line) or {"do": None}
        do = fault["do"]
        if do == "slow":
            time.sleep(fault["seconds"])
        end = time.monotonic() + 60
        while do == "wait" and time.monotonic() < end and (find_fault(line) or {}).get("do") == "wait":
            time.sleep(0.02)
        if do == "reset":
            self.note("reset")
            self.cut()
            return
        if do == "answer":
            self.note(fault["status"])
            self.reply(fault["status"], fault.get("headers", []), fault["body"].encode())
            return
        status, headers, content = self.ask_store(body)
        self.note("lost" if do == "lost" else status)
        if do == "lost":
            self.cut()
        elif do == "truncate":
            self.reply(status, headers, content, len(content) // 2)
            self.wfile.flush()
            self.cut()
        else:
            self.reply(status, headers, content)

    do_GET = do_HEAD = do_PUT = do_POST = do_DELETE = serve

    def handle(self):
        try:
            super().handle()
        except (ConnectionError, ValueError, OSError):
            pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
server.daemon_threads = True
with open(port_file + ".new", "w", encoding="utf-8") as file:
    file.write(str(server.server_address[1]))
os.rename(port_file + ".new", port_file)
server.serve_forever()
