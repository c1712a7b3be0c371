/* tap_none.c: the tap where only the shared library is there: nothing is seen, nothing is sent. */
#ifndef SALLYPORT_TAP_STATIC

#include "base/err.h"
#include "session/tap.h"

bool tap_is_present(void)
{
    return false;
}

void tap_attach(struct session *session, struct ssh_packet_callbacks_struct *callbacks,
                ssh_session ssh)
{
    (void)session, (void)callbacks, (void)ssh;
}

int tap_send(ssh_session ssh, const void *packet, size_t length)
{
    (void)ssh, (void)packet, (void)length;
    return SP_ERR_UNSUPPORTED;
}

void tap_watch(void)
{
}

struct tap_seen tap_seen(void)
{
    return (struct tap_seen){0};
}

/* What is sent when the time is over begins an exchange. */
void tap_rekey(ssh_session ssh, uint32_t seconds)
{
    uint32_t at_once = 1;

    ssh_options_set(ssh, SSH_OPTIONS_REKEY_TIME, &at_once);
    ssh_send_ignore(ssh, "");
    ssh_options_set(ssh, SSH_OPTIONS_REKEY_TIME, &seconds);
}

void tap_trim(ssh_buffer output)
{
    (void)output;
}

ssh_channel tap_open(ssh_session ssh, const char *type, struct sp_str payload,
                     struct tap_confirmation *ret_confirmation)
{
    (void)ssh, (void)type, (void)payload;
    *ret_confirmation = (struct tap_confirmation){0};
    return NULL;
}

ssh_channel tap_accept_open(ssh_message message, struct tap_confirmation *ret_confirmation)
{
    *ret_confirmation = (struct tap_confirmation){0};
    return ssh_message_channel_request_open_reply_accept(message);
}

#endif
