# T83: plugins are asked in the order of the chain; the first with an opinion decides, whoever comes
# after it; who has none is passed over.
. "$(dirname "$0")/lib.sh"
add_user early
cp "$W/users.json" "$W/first.json"
add_user late
sed -i "s|\"root\": \".*alice\"|\"root\": \"$W/root/late\"|; /\"name\": \"early\"/d" "$W/users.json"
mv "$W/users.json" "$W/second.json"
"$PYTHON" - "$W/second.json" <<'END'
import json, sys
with open(sys.argv[1]) as file:
    users = json.load(file)["users"]
with open(sys.argv[1], "w") as file:
    json.dump({"users": [user for user in users if "name" in user]}, file)
END
chmod 600 "$W/second.json"

use_chain() # LIST
{
    configure "{\"plugins\": [
        {\"name\": \"first\", \"plugin\": \"auth-file\", \"config\": {\"users_file\": \"$W/first.json\"}},
        {\"name\": \"second\", \"plugin\": \"auth-file\", \"config\": {\"users_file\": \"$W/second.json\"}},
        {\"name\": \"files\", \"plugin\": \"fs-posix\"},
        {\"name\": \"shells\", \"plugin\": \"exec-shell\", \"config\": {\"requests\": [\"shell\"]}},
        {\"name\": \"commands\", \"plugin\": \"exec-shell\", \"config\": {\"requests\": [\"exec\"]}}],
        \"chains\": {\"auth\": $1, \"channel\": [\"shells\", \"commands\"]}}"
}
use_chain '["first", "second"]'
daemon_start
expect_equal "$(ssh_ target pwd)" "$W/root/alice" "alice by the first"
expect_equal "$(ssh_ early@target pwd)" "$W/root/early" "a user of the first only"
expect_equal "$(ssh_ late@target pwd)" "$W/root/late" "a user of the second only"
expect_equal "$(echo 'pwd; exit' | ssh_ -T target)" "$W/root/alice" "a shell by the other instance"

use_chain '["second", "first"]'
reload
expect_equal "$(ssh_ target pwd)" "$W/root/late" "alice by the second, now asked first"

use_chain '["second"]'
reload
expect_failure ssh_ early@target true
