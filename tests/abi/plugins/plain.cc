// plain.cc: a plugin in C++11, where initialisers have no names.
#include <sallyport/helpers.h>
#include <sallyport/payload.h>

static int32_t password(void *, const struct sp_auth_event *event)
{
    struct sp_reader reader = sp_reader_of(event->password);
    (void)sp_read_string(&reader);
    return SP_HAS(event, certificate) && sp_reader_is_done(&reader) ? SP_ALLOW : SP_NEXT;
}

static int32_t create(const struct sp_host *, const char *, void **ret_self)
{
    *ret_self = nullptr;
    return 0;
}

static void destroy(void *) {}

static const struct sp_auth_v1 auth = {sizeof auth, 0,       nullptr, password,
                                       nullptr,     nullptr, nullptr, nullptr};
static const struct sp_interface interfaces[] = {{SP_AUTH_INTERFACE, &auth}, {nullptr, nullptr}};

SP_PLUGIN = {sizeof(struct sp_plugin),
             SP_ABI_MAJOR,
             SP_ABI_MINOR,
             "plain",
             "1",
             interfaces,
             create,
             nullptr,
             nullptr,
             destroy,
             nullptr,
             nullptr};
