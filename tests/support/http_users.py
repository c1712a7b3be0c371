"""http_users.py DIRECTORY PORT_FILE [--tls CERT KEY CLIENT_CA]: a web service that judges users as
auth-http asks it to. Every question is appended to DIRECTORY/questions, one JSON value in a line.
What it answers depends on the user's name; see answers below."""
import http.server
import json
import os
import ssl
import sys
import threading
import time

PASSWORD = os.environ["PASSWORD"]
directory, port_file = sys.argv[1:3]
lock = threading.Lock()
counts = {}


def count(name):
    with lock:
        counts[name] = counts.get(name, 0) + 1
        return counts[name]


def grant(user, **more):
    root = os.path.join(directory, "root", user)
    os.makedirs(root, exist_ok=True)
    os.chmod(root, 0o777)
    return {"root": root, "permit": ["sftp", "exec", "shell", "pty"], **more}


def allow(user, **more):
    return {"result": "allow", "grant": grant(user, **more)}


def judge(question):
    """Whether a password or a key is right."""
    method = question["method"]
    if method == "password":
        return question["password"] == PASSWORD
    if method == "publickey":
        with open(os.path.join(directory, "key.pub"), encoding="ascii") as file:
            kind, blob = file.read().split()[:2]
        return question["key"]["blob"] == blob and question["key"]["type"] == kind
    return False


def dialogue(question):
    number, responses = question["round"], question["responses"]
    if number == 0:
        return {"result": "ask", "name": "Two rounds", "instruction": "Say who you are.",
                "prompts": [{"text": "Colour: ", "echo": True}, {"text": "Code: "}]}
    if number == 1 and responses == ["blue", "123456"]:
        return {"result": "ask", "prompts": [{"text": "Again: ", "echo": False}]}
    if number == 2 and responses == ["654321"]:
        return allow(question["user"])
    return {"result": "deny", "reason": "wrong answers"}


def answer(question):
    """A status and a body."""
    user = question["user"]
    if user in ("alice", "otto", "flaky", "kept", "reader"):
        if user == "flaky" and question["method"] == "password" and count(user) < 3:
            return 503, b"{}"
        if question["method"] == "keyboard-interactive" and user == "alice":
            return 200, dialogue(question)
        if judge(question):
            return 200, allow(user, **({"read_only": True} if user == "reader" else {}))
        return 200, {"result": "deny", "reason": "the credential is wrong"}
    bodies = {
        "garbage": b"<html>allow</html>", "empty": b"", "list": b"[\"allow\"]",
        "unknown-result": {"result": "yes"}, "no-result": {"grant": {}},
        "misspelt": {"result": "allow", "grants": {"read_only": True}},
        "bad-grant": {"result": "allow", "grant": {"readonly": True}},
        "number": {"result": 1}, "twice": b'{"result": "deny", "result": "allow"}',
        "huge": {"result": "allow", "reason": "x" * 100000},
        "ask-key": {"result": "ask", "prompts": [{"text": "?"}]},
    }
    if user in bodies:
        return 200, bodies[user]
    if user.startswith("status-"):
        return int(user[7:]), allow(user)
    if user == "slow":
        time.sleep(20)
        return 200, allow(user)
    return 200, {"result": "next"}


class Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def do_POST(self):
        question = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        question["_authorization"] = self.headers.get("Authorization", "")
        with lock, open(os.path.join(directory, "questions"), "a", encoding="utf-8") as file:
            file.write(json.dumps(question) + "\n")
        status, body = answer(question)
        if not isinstance(body, bytes):
            body = json.dumps(body).encode()
        try:
            self.send_response(status)
            if status == 302:
                self.send_header("Location", "/elsewhere")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)
        except OSError:
            self.close_connection = True

    def log_message(self, *args):
        pass


class Server(http.server.ThreadingHTTPServer):
    daemon_threads = True

    def handle_error(self, request, client_address):
        pass  # clients that do not like our certificate leave


def main():
    server = Server(("127.0.0.1", 0), Handler)
    if "--tls" in sys.argv:
        certificate, key, authority = sys.argv[sys.argv.index("--tls") + 1:][:3]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        context.load_verify_locations(authority)
        context.verify_mode = ssl.CERT_REQUIRED
        server.socket = context.wrap_socket(server.socket, server_side=True)
    with open(port_file + ".new", "w", encoding="ascii") as file:
        file.write(str(server.server_address[1]))
    os.replace(port_file + ".new", port_file)
    server.serve_forever()


main()
