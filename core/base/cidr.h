/*
 * cidr.h: networks such as 192.0.2.0/24 and 2001:db8::/32, and whether an address lies in one. An
 * IPv4 address that comes in IPv6's clothes (::ffff:192.0.2.1) is an IPv4 address, here and in the
 * networks' text. Any thread.
 */
#ifndef SALLYPORT_BASE_CIDR_H
#define SALLYPORT_BASE_CIDR_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

/* family is AF_INET or AF_INET6; 4 or 16 bytes count, zero past bits in a network. */
struct cidr {
    int family;
    uint32_t bits; /* of the network's; all of them for a single address */
    uint8_t bytes[16];
};

/* text is an address, with or without "/bits". 0, or SP_ERR_FORMAT; SP_ERR_INVALID if bits of the
 * address past the network's are set, with the network that may be meant in *ret_cidr. */
int cidr_parse(const char *text, struct cidr *ret_cidr);
/* The address alone. False for what is neither IPv4 nor IPv6. */
bool cidr_of_address(const struct sockaddr *address, struct cidr *ret_cidr);
bool cidr_contains(const struct cidr *network, const struct cidr *address);

#endif
