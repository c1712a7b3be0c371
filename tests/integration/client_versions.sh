# CONN-13: clients by their version string: served, or told that they are not.
. "$(dirname "$0")/lib.sh"
configure '{"client_versions": {"allow": ["SSH-2.0-OpenSSH*", "SSH-2.0-rawssh*"], "deny": ["*rawssh-bad?"]},
    "server_version": "test_1.0"}'
daemon_start
expect_equal "$(ssh_ target 'echo in')" in "a client that is allowed"
raw <<'END'
def refusal(version):
    c = fresh()
    c.our_banner = version
    try:
        c.banner()
        check(c.their_banner == b"SSH-2.0-test_1.0", "the server's version")
        c.kex()
    except Closed as closed:
        return closed.text or "no text"
    return None
check(refusal(b"SSH-2.0-rawssh") is None, "allowed")
check(refusal(b"SSH-2.0-rawssh-bad") is None, "? is one character")
text = refusal(b"SSH-2.0-rawssh-bad1")
check(text == "SSH clients of version SSH-2.0-rawssh-bad1 are not served here", text)
text = refusal(b"SSH-2.0-paramiko_2.12")
check(text and "not served here" in text, text)
END
wait_log 'connection.version_refused'
