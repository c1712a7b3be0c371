/* auth_event.c: from a request to the event that plugins get. What it points to is in the packet,
 * which a plugin that is late keeps, though the request is gone. */
#include "session/auth.h"

static void fill_key(const struct auth_packet *packet, struct sp_auth_event *event)
{
    event->key_state = packet->has_signature ? SP_KEY_PROVED : SP_KEY_OFFERED;
    event->key_type = packet->public_key_type;
    event->key_blob = packet->public_key_blob;
    event->key_fingerprint = sp_str_of(packet->fingerprint);
    event->signature_algorithm = packet->signature_algorithm;
    event->key_flags = packet->has_signature ? packet->key_flags : 0;
    event->certificate = packet->certificate ? &packet->certificate->facts : NULL;
}

struct sp_auth_event auth_event(const struct auth_request *request)
{
    const struct session *session = request->session;
    const struct auth_packet *packet = request->packet;
    struct sp_auth_event event = {
        .head = {.struct_size = sizeof event, .connection = session->snapshot},
        .user = session->snapshot->user,
        .method = packet->method,
        .attempt = session->auth.failures + 1,
        .methods_done = session->auth.factors.methods_done,
        .service = sp_str_of(AUTH_SERVICE),
    };

    switch (packet->method) {
    case SP_METHOD_PASSWORD:
        event.password = packet->password;
        event.new_password = packet->new_password;
        break;
    case SP_METHOD_PUBLICKEY:
        fill_key(packet, &event);
        break;
    case SP_METHOD_KEYBOARD_INTERACTIVE:
        event.round = packet->is_response ? session->auth.question.round : 0;
        event.submethods = packet->submethods;
        event.responses = packet->responses;
        event.responses_count = packet->responses_count;
        break;
    default:
        break;
    }
    return event;
}

void auth_tell(const struct auth_request *request, enum plugin_operation operation,
               uint32_t key_state)
{
    const struct session *session = request->session;
    const struct chain *chain = &session->service->auth_chain;

    for (size_t i = 0; i < chain->count; i++) {
        struct sp_auth_event event = auth_event(request);
        struct chain one = {.instances = chain->instances + i, .count = 1};
        if (!plugin_instance_offers(chain->instances[i], operation))
            continue;
        if (key_state)
            event.key_state = key_state;
        /* Secrets are for those who judge. */
        event.password = event.new_password = (struct sp_str){0};
        event.responses = NULL;
        event.responses_count = 0;
        chain_start(NULL, &one, operation, &event.head, session->strands, NULL, NULL,
                    auth_packet_unref, auth_packet_ref(request->packet));
    }
}
