"""cutting: uploads by real clients that are cut off after so many bytes on the line.

A relay stands between the client and the daemon. When the client has sent so many bytes, either the
relay resets both its connections, or the client's processes are killed with SIGKILL.
"""
import os
import signal
import socket
import struct
import subprocess
import threading


def reset(connection):
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


class Cut:
    """One client whose line is cut after limit bytes; None: never."""

    def __init__(self, limit, how):
        self.limit, self.how, self.client, self.sent = limit, how, None, 0
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        self.thread = threading.Thread(target=self.relay)
        self.thread.start()

    def relay(self):
        self.listener.settimeout(60)
        near, _ = self.listener.accept()
        far = socket.create_connection(("127.0.0.1", int(os.environ["PORT"])))
        back = threading.Thread(target=self.copy_back, args=(far, near))
        back.start()
        try:
            while True:
                room = 65536 if self.limit is None else self.limit - self.sent
                if room == 0:
                    self.cut(near, far)
                    break
                data = near.recv(min(room, 65536))
                if not data:
                    far.shutdown(socket.SHUT_WR)
                    break
                far.sendall(data)
                self.sent += len(data)
        except OSError:
            self.end(far)
        back.join()
        near.close()
        far.close()

    @staticmethod
    def copy_back(far, near):
        try:
            while True:
                data = far.recv(65536)
                if not data:
                    near.shutdown(socket.SHUT_WR)
                    return
                near.sendall(data)
        except OSError:
            pass

    @staticmethod
    def end(connection):
        try:
            connection.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass  # it is at its end

    def cut(self, near, far):
        if self.how == "kill":
            try:
                os.killpg(self.client.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass  # it was done
            self.client.wait()
            near.close()  # which the kernel would have done
            self.end(far)
        else:
            far.shutdown(socket.SHUT_RD)  # wakes the other thread
            reset(far)
            reset(near)

    def run(self, command, text=None):
        """The client's exit code, negative if it was killed. {port} in an argument is the relay's."""
        command = [part.replace("{port}", str(self.port)) for part in command]
        self.client = subprocess.Popen(
            command, stdin=subprocess.PIPE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
            start_new_session=True)
        try:
            self.client.communicate(text.encode() if text else None, timeout=60)
        except BrokenPipeError:
            pass
        self.thread.join(60)
        self.listener.close()
        return self.client.wait(60)
