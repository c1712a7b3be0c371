"""rawauth: keys, certificates and signatures for requests to authenticate, as right or as wrong as a
test wants them. On top of rawssh."""
import base64
import subprocess

from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, padding, rsa
from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey
from cryptography.hazmat.primitives.asymmetric.utils import decode_dss_signature

import rawssh
from rawssh import (boolean, mpint, string, USERAUTH_FAILURE, USERAUTH_INFO_REQUEST,
                    USERAUTH_PK_OK, USERAUTH_SUCCESS, USERAUTH_INFO_RESPONSE)

HASHES = {b"rsa-sha2-512": hashes.SHA512, b"rsa-sha2-256": hashes.SHA256, b"ssh-rsa": hashes.SHA1,
          b"ecdsa-sha2-nistp256": hashes.SHA256, b"ecdsa-sha2-nistp384": hashes.SHA384,
          b"ecdsa-sha2-nistp521": hashes.SHA512}


class Key:
    """A private key in an OpenSSH file, with its public part or a certificate."""

    def __init__(self, path, public=None):
        with open(path, "rb") as file:
            self.secret = serialization.load_ssh_private_key(file.read(), None)
        with open(public or path + ".pub", encoding="ascii") as file:
            kind, blob = file.read().split()[:2]
        self.kind, self.blob = kind.encode(), base64.b64decode(blob)
        # What signs, by default: the strongest that goes with the key.
        plain = self.kind.replace(b"-cert-v01@openssh.com", b"")
        self.algorithm = b"rsa-sha2-512" if plain == b"ssh-rsa" else plain
        self.announced = self.algorithm + (self.kind[len(plain):] if plain != self.kind else b"")

    def sign(self, data, algorithm=None):
        """The signature's blob, algorithm first."""
        algorithm = algorithm or self.algorithm
        if isinstance(self.secret, Ed25519PrivateKey):
            raw = self.secret.sign(data)
        elif isinstance(self.secret, rsa.RSAPrivateKey):
            raw = self.secret.sign(data, padding.PKCS1v15(), HASHES[algorithm]())
        else:
            r, s = decode_dss_signature(self.secret.sign(data, ec.ECDSA(HASHES[algorithm]())))
            raw = mpint(r) + mpint(s)
        return string(algorithm) + string(raw)


def ssh_keygen(*arguments):
    subprocess.run(["ssh-keygen", "-q", *arguments], check=True, stdin=subprocess.DEVNULL,
                   stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)


class Login:
    """A connection on its way in. Each try returns the code of the answer; the methods of a failure
    are in self.methods, and whether it was a partial success in self.partial."""

    def __init__(self, port, user, service=True):
        self.client, self.user = rawssh.connect(port), user
        self.methods, self.partial, self.reader = None, None, None
        if service:
            self.client.service()

    def answer(self, seconds=rawssh.DEADLINE):
        code, self.reader = self.client.receive(seconds)
        self.methods, self.partial = None, None
        if code == USERAUTH_FAILURE:
            names = self.reader.string().decode()
            self.methods = names.split(",") if names else []
            self.partial = self.reader.byte() != 0
        return code

    def request(self, method, rest=b"", service="ssh-connection"):
        self.client.send_packet(self.client.auth_packet(self.user, method, rest, service))
        return self.answer()

    def none(self):
        return self.request("none")

    def password(self, text):
        return self.request("password", boolean(False) + string(text))

    def change(self, old, new):
        return self.request("password", boolean(True) + string(old) + string(new))

    def offer(self, key, announced=None):
        return self.request("publickey", boolean(False) + string(
            key.announced if announced is None else announced) + string(key.blob))

    def prove(self, key, signer=None, announced=None, algorithm=None, signature=None, blob=None):
        """Signs with signer, or with key; or sends signature, whatever it is."""
        head = (boolean(True) + string(key.announced if announced is None else announced)
                + string(key.blob if blob is None else blob))
        if signature is None:
            data = (string(self.client.session_id)
                    + self.client.auth_packet(self.user, "publickey", head))
            signature = (signer or key).sign(data, algorithm)
        return self.request("publickey", head + string(signature))

    def ask(self, submethods=""):
        """keyboard-interactive: its first answer."""
        return self.request("keyboard-interactive", string("") + string(submethods))

    def respond(self, *answers, count=None):
        self.client.send_packet(
            bytes([USERAUTH_INFO_RESPONSE])
            + rawssh.u32(len(answers) if count is None else count)
            + b"".join(string(answer) for answer in answers))
        return self.answer()

    def close(self):
        self.client.close()


NAMES = {USERAUTH_SUCCESS: "success", USERAUTH_FAILURE: "failure",
         USERAUTH_PK_OK: "pk-ok, info-request or change-request"}
assert USERAUTH_PK_OK == USERAUTH_INFO_REQUEST
