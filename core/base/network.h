/* network.h: numeric addresses and the networks they are in. Any thread. */
#ifndef SALLYPORT_BASE_NETWORK_H
#define SALLYPORT_BASE_NETWORK_H

#include <stdbool.h>
#include <stdint.h>

struct network_address {
    bool is_ipv6; /* an IPv4 address that is mapped into IPv6 counts as IPv4 */
    uint8_t bytes[16];
};

struct network {
    struct network_address address;
    unsigned bits; /* of the prefix */
};

/* Numeric, without a port; a zone ("%eth0") is dropped. False if it is no address. */
bool network_address_parse(const char *text, struct network_address *ret_address);
/* "address/bits", or an address, which is a network of its own. False if it is neither, or if bits
 * behind the prefix are set. */
bool network_parse(const char *text, struct network *ret_network);
bool network_contains(const struct network *network, const struct network_address *address);

#endif
