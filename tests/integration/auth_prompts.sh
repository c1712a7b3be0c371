# T27: keyboard-interactive at its edges: no prompts at all, prompts that do not fit, counts that are
# absurd, answers with a NUL; what the client prefers reaches the plugin, and answers reach only the
# plugin that asked.
. "$(dirname "$0")/lib.sh"
use() # THE JUDGE'S CONFIGURATION
{
    configure '{"limits": {"auth_tries": 50}, "plugins": [
        {"name": "first", "plugin": "judge"},
        {"name": "second", "plugin": "judge", "config": '"$1"'},
        {"name": "third", "plugin": "judge", "config": {"secret": "third"}}],
        "chains": {"auth": ["first", "second", "third"], "channel": []}, "mounts": []}'
}
use '{"secret": "second"}'
daemon_start
attempt()
{
    { cat <<'END'
from rawauth import *
YES, NO, ASKED = USERAUTH_SUCCESS, USERAUTH_FAILURE, USERAUTH_INFO_REQUEST
def expect(code, expected, what):
    check(code == expected, f"{what}: answer {code}, expected {expected}")
END
    cat; } | raw
}
attempt <<'END'
login = Login(PORT, USER)
expect(login.ask("pam,totp"), ASKED, "the question")
expect(login.respond("third"), NO, "what is right for another plugin")
for what, answers, count in (("none", (), None), ("two", ("second", "second"), None),
                             ("32", ("second",) * 32, None), ("33", ("second",) * 33, None),
                             ("2^32-1", ("second",), 0xffffffff), ("2^31", ("second",), 1 << 31),
                             ("0 told, one sent", ("second",), 0),
                             ("2 told, one sent", ("second",), 2),
                             ("a NUL", ("second\0",), None), ("a NUL within", ("sec\0ond",), None),
                             ("30000 bytes", ("x" * 30000,), None)):
    expect(login.ask(), ASKED, "the question")
    expect(login.respond(*answers, count=count), NO, what)
    expect(login.none(), NO, "none")
expect(login.ask(), ASKED, "the question")
expect(login.respond("second"), YES, "the right answer")
END
wait_log 'instance=second text="asked keyboard-interactive .*round=0 submethods=pam,totp responses=0'
expect_no_log 'instance=(first|third) text="asked keyboard-interactive .*responses=1'
wait_log 'instance=third text="asked authenticated user=alice .*responses=0'
expect_no_log 'text="asked authenticated .*responses=1'

use '{"secret": "second", "prompts": 0}'
reload
attempt <<'END'
login = Login(PORT, USER)
expect(login.ask(), ASKED, "no prompts")
expect(login.respond("one"), NO, "an answer to nothing")
expect(login.ask(), ASKED, "no prompts")
expect(login.respond(), YES, "no answers")
END
for bytes in 16000 17000 59000; do
    use '{"secret": "second", "prompt_bytes": '$bytes'}'
    reload
    BYTES=$bytes attempt <<'END'
login = Login(PORT, USER)
fits = int(os.environ["BYTES"]) <= 16000
expect(login.ask(), ASKED if fits else NO, os.environ["BYTES"])
END
done
wait_log 'reason="the prompts are too long"'
use '{"secret": "second", "prompts": 17}'
reload
attempt <<'END'
expect(Login(PORT, USER).ask(), NO, "17 prompts")
END
