# T01, CONN-13: a client that says all it has to say before the server has said a word is judged as
# any other.
. "$(dirname "$0")/lib.sh"
configure '{"algorithms": {"strict_kex": 3}, "client_versions": {"deny": ["*unwanted*"]}}'
daemon_start

raw <<'END'
def refusal(version, strict):
    """The text of the refusal, or None for an answer."""
    c = fresh(strict=strict)
    c.our_banner = version
    with c.in_one_piece():
        c.send_raw(version + b"\r\n")
        c.send_packet(c.kexinit())
    c.read_banner()
    try:
        c.expect(KEXINIT)
        c.send_packet(bytes([ECDH_INIT]) + string(b"\x09" * 32))
        c.receive()
    except Closed as closed:
        return closed.text or "no text"
    return None
for _ in range(20):
    text = refusal(b"SSH-2.0-hasty", False)
    check(text and "strict key exchange is required" in text, f"not strict: {text}")
    text = refusal(b"SSH-2.0-unwanted", True)
    check(text and "not served here" in text, f"unwanted: {text}")
    check(refusal(b"SSH-2.0-hasty", True) is None, "strict")
END
