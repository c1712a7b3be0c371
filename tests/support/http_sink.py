#!/usr/bin/python3
"""http_sink.py: a web service that keeps what it is sent.

usage: http_sink.py DIRECTORY PORT

PORT 0 is any; DIRECTORY/port is written when it listens. Each POST becomes DIRECTORY/<n>.json with
"headers", "body" and the "status" that was answered: what DIRECTORY/status says, else 200.
"""
import http.server
import json
import os
import sys

DIRECTORY, PORT = sys.argv[1], int(sys.argv[2])


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        body = self.rfile.read(int(self.headers["Content-Length"]))
        try:
            with open(DIRECTORY + "/status", encoding="ascii") as f:
                status = int(f.read())
        except FileNotFoundError:
            status = 200
        number = len([n for n in os.listdir(DIRECTORY) if n.endswith(".json")])
        record = {"headers": dict(self.headers), "body": body.decode(), "status": status}
        with open(f"{DIRECTORY}/{number}.new", "w", encoding="utf-8") as f:
            json.dump(record, f)
        os.rename(f"{DIRECTORY}/{number}.new", f"{DIRECTORY}/{number}.json")
        self.send_response(status)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *args):
        pass


server = http.server.HTTPServer(("127.0.0.1", PORT), Handler)
with open(DIRECTORY + "/port.new", "w", encoding="ascii") as f:
    f.write(str(server.server_port))
os.rename(DIRECTORY + "/port.new", DIRECTORY + "/port")
server.serve_forever()
