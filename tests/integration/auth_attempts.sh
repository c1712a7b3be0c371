# T30: what counts as a try, as OpenSSH counts: every failure but the "none" with which clients
# begin, and keys offered in vain only beyond limits.auth_key_offers; a factor that is right does not.
. "$(dirname "$0")/lib.sh"
for number in 1 2 3 4 5 6 7 8 9 10 11 12; do
    ssh-keygen -q -t ed25519 -N '' -C '' -f "$W/agent_$number"
done
configure '{"limits": {"auth_tries": 3, "auth_key_offers": 10}, "auth_require": [["publickey", "password"]]}'
daemon_start
cat >"$W/names.py" <<'END'
from rawauth import *
W = os.environ["W"]
KEY = Key(W + "/key")
AGENT = [Key(f"{W}/agent_{number}") for number in range(1, 13)]
NO = USERAUTH_FAILURE

def tries_left(login):
    """By using them up: each wrong key counts."""
    count = 0
    try:
        while True:
            check(login.prove(AGENT[0]) == NO, "a wrong key is in")
            count += 1
    except Closed as closed:
        check("too many" in (closed.text or ""), closed.text)
    return count
END
attempt()
{
    { cat "$W/names.py"; cat; } | W=$W raw
}
attempt <<'END'
def left_after(steps):
    login = Login(PORT, USER)
    for step in steps:
        check(step(login) == NO, "not refused")
    return tries_left(login)

none = lambda login: login.none()
wrong = lambda login: login.prove(AGENT[1])
offer = lambda login: login.offer(AGENT[2])
for what, steps, expected in (
        ("nothing", [], 3),
        ("none at first", [none], 3),
        ("none twice", [none, none], 2),
        ("none after something else", [offer, none], 2),
        ("a wrong key", [wrong], 2),
        ("a method that is not offered", [lambda l: l.password("x")], 2),
        ("a method that nobody knows", [lambda l: l.request("nonsense")], 2),
        ("a signature that is none", [lambda l: l.prove(AGENT[3], signature=b"")], 2),
        ("ten offers", [offer] * 10, 3),
        ("eleven offers", [offer] * 11, 2),
        ("twelve offers", [offer] * 12, 1),
        ("a factor that is right", [lambda l: l.prove(KEY)], 3)):
    count = left_after(steps)
    check(count == expected, f"after {what} there are {count} tries, expected {expected}")

# An offer that would do is none in vain.
login = Login(PORT, USER)
for _ in range(15):
    check(login.offer(KEY) == USERAUTH_PK_OK, "the offer")
check(tries_left(login) == 3, "offers that would do count")
END

# An agent with many keys: the eleventh is the right one.
configure '{"auth_require": []}'
reload
sed -i '/IdentityFile/d' "$W/ssh_config"
expect_equal "$(ssh_ $(printf -- "-i $W/agent_%s " 1 2 3 4 5 6 7 8 9 10) -i "$W/key" target 'echo in')" \
    in "an agent with many keys"
# As OpenSSH: each offer counts.
configure '{"limits": {"auth_key_offers": 0}}'
reload
attempt <<'END'
login = Login(PORT, USER)
check(login.none() == NO and login.offer(AGENT[0]) == NO and login.offer(AGENT[1]) == NO, "in")
check(tries_left(login) == 1, "offers do not count")
END
