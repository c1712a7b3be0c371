# auth_pam.sh again, with PAM and its modules in a process of their own, as the manifest has it.
# seconds: 180
ISOLATION=process
. "$(dirname "$0")/auth_pam.sh"
