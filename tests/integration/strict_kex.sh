# T01: clients without strict key exchange: served by default; refused with what needs it (2) or in
# any case (3), and told why, before their proposal is answered.
. "$(dirname "$0")/lib.sh"
configure '{"algorithms": {"strict_kex": 2}}'
daemon_start

raw <<'END'
ETM, PLAIN, CHACHA = b"hmac-sha2-256-etm@openssh.com", b"hmac-sha2-256", b"chacha20-poly1305@openssh.com"
def outcome(strict=False, **lists):
    """The text of the refusal, or None for an answer."""
    c = fresh(strict=strict)
    c.banner()
    c.send_packet(c.kexinit(**lists))
    try:
        c.expect(KEXINIT)
        c.send_packet(bytes([ECDH_INIT]) + string(b"\x09" * 32))
        c.receive()
        return None
    except Closed as closed:
        return closed.text or "no text"
check(outcome() is None, "aes128-ctr with a plain MAC is safe")
for lists in ({"mac_in": ETM}, {"mac_out": ETM}, {"cipher_in": CHACHA}, {"cipher_out": CHACHA},
              {"cipher_in": b"nonsense," + CHACHA}, {"mac_out": ETM + b"," + PLAIN}):
    text = outcome(**lists)
    check(text and "not safe without strict key exchange" in text, f"{lists}: {text}")
    check(outcome(strict=True, **lists) is None, f"{lists} with strict key exchange")
check(outcome(cipher_in=b"aes128-gcm@openssh.com", mac_in=ETM) is None, "a MAC that is not used")
END
wait_log 'connection.not_strict'

configure '{"algorithms": {"strict_kex": 3}}'
reload
raw <<'END'
c = fresh()
c.banner()
c.send_packet(c.kexinit())
check("required" in (c.expect_end(KEXINIT) or ""), "no strict key exchange")
c = client(strict=True)
c.service()
check(c.password(USER, PASSWORD), "strict key exchange")
END

configure '{"algorithms": {"strict_kex": 0}}'
reload
raw <<'END'
client().service()
END
expect_match "$(sallyport check "$W/config.json" 2>&1)" 'the SSH library always offers it' "a warning of 0"
