# T29: failures look alike: whether the user exists or not, by every method, the same answer comes
# after the same time, which is a whole multiple of timeouts.auth_failure_delay_ms; and success is
# not held back. The bounds are generous: a busy machine is late, but never early.
. "$(dirname "$0")/lib.sh"
slow_hash=$("$PYTHON" -c 'import crypt; print(crypt.crypt("x", "$6$rounds=200000$saltsaltsaltsalt"))' 2>/dev/null)
add_user slow "{\"password\": \"$slow_hash\"}"
configure '{"timeouts": {"auth_failure_delay_ms": 200}, "limits": {"auth_tries": 100, "auth_key_offers": 100},
    "plugins": [
    {"name": "users", "plugin": "auth-file", "config": {"users_file": "'"$W"'/users.json"}},
    {"name": "codes", "plugin": "judge", "config": {"secret": "123456"}},
    {"name": "files", "plugin": "fs-posix"}, {"name": "shell", "plugin": "exec-shell"}],
    "chains": {"auth": ["users", "codes"]}}'
ssh-keygen -q -t ed25519 -N '' -C '' -f "$W/other"
daemon_start
W=$W raw <<'END'
from rawauth import *
import statistics
W = os.environ["W"]
KEY, OTHER = Key(W + "/key"), Key(W + "/other")
NO, ASKED = USERAUTH_FAILURE, USERAUTH_INFO_REQUEST
FLOOR, ROUNDS = 0.2, 3

def seconds(act):
    begin = time.monotonic()
    result = act()
    return time.monotonic() - begin, result

methods = {
    "password": lambda l: l.password("wrong"),
    "an empty password": lambda l: l.password(""),
    "a key": lambda l: l.prove(OTHER),
    "a bad signature": lambda l: l.prove(KEY, signer=OTHER),
    "a method that is none": lambda l: l.request("nonsense"),
}
names = ("alice", "slow", "nobody", "bad\nname")
times = {}
for method, act in methods.items():
    answers = set()
    for name in names:
        login = Login(PORT, name)
        login.none()
        samples = []
        for _ in range(ROUNDS):
            took, code = seconds(lambda: act(login))
            check(code == NO, f"{name}, {method}: answer {code}")
            check(took > FLOOR - 0.01, f"{name}, {method}: an answer after {took:.3f} s")
            samples.append(took)
            answers.add((tuple(login.methods), login.partial))
        login.close()
        times[method, name] = statistics.median(samples)
    check(len(answers) == 1, f"{method}: different answers {answers}")
for (method, name), took in times.items():
    unknown = times[method, "nobody"]
    # Alike, or at another multiple of the floor for what costs more than it.
    off = abs(took - unknown) % FLOOR
    check(min(off, FLOOR - off) < FLOOR / 4,
          f"{method}: {name} takes {took:.3f} s, an unknown user {unknown:.3f} s")

# keyboard-interactive: the same question for all, the same time for wrong answers.
for name in ("alice", "nobody"):
    login = Login(PORT, name)
    check(login.ask() == ASKED, f"{name} is not asked")
    text = bytes(login.reader.data)
    if name == "alice":
        first = text
    check(text == first, "different questions")
    took, code = seconds(lambda: login.respond("wrong"))
    check(code == NO and took > FLOOR - 0.01, f"{name}: a wrong answer took {took:.3f} s")

# Offers are many, and take a tenth; what is right takes no time of ours.
login = Login(PORT, USER)
took, code = seconds(lambda: login.offer(OTHER))
check(code == NO and 0.019 < took < FLOOR, f"an offer in vain took {took:.3f} s")
took, code = seconds(lambda: login.offer(KEY))
check(code == USERAUTH_PK_OK and took < FLOOR, f"an offer took {took:.3f} s")
took, code = seconds(lambda: login.prove(KEY))
check(code == USERAUTH_SUCCESS and took < FLOOR, f"a login took {took:.3f} s")

# Sent at once, they are answered one after the other: waiting earns no credit.
login = Login(PORT, USER)
begin = time.monotonic()
with login.client.in_one_piece():
    for _ in range(4):
        login.client.send_password(USER, "wrong")
for _ in range(4):
    check(login.answer() == NO, "in")
check(time.monotonic() - begin > 4 * FLOOR - 0.05, "four failures took less than four times")
END
