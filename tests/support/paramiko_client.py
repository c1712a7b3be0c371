"""paramiko_client: paramiko against the daemon under test."""
import contextlib
import os
import warnings

warnings.filterwarnings("ignore")  # paramiko's of its own dependencies
import paramiko  # noqa: E402


@contextlib.contextmanager
def transport(user="alice"):
    connection = paramiko.Transport(("127.0.0.1", int(os.environ["PORT"])))
    connection.connect(username=user, password=os.environ["PASSWORD"])
    try:
        yield connection
    finally:
        connection.close()


@contextlib.contextmanager
def sftp_client(user="alice"):
    with transport(user) as connection:
        yield paramiko.SFTPClient.from_transport(connection)
