use super::*;

fn is_public_text(address: &str) -> bool {
    is_public(address.parse().expect(address))
}

/// Networks, by their first and last address.
#[rustfmt::skip]
const PRIVATE: [(&str, &str); 34] = [
    ("0.0.0.0", "0.255.255.255"),
    ("10.0.0.0", "10.255.255.255"),
    ("100.64.0.0", "100.127.255.255"),
    ("127.0.0.0", "127.255.255.255"),
    ("169.254.0.0", "169.254.255.255"),
    ("172.16.0.0", "172.31.255.255"),
    ("192.0.0.0", "192.0.0.255"),
    ("192.0.2.0", "192.0.2.255"),
    ("192.88.99.0", "192.88.99.255"),
    ("192.168.0.0", "192.168.255.255"),
    ("198.18.0.0", "198.19.255.255"),
    ("198.51.100.0", "198.51.100.255"),
    ("203.0.113.0", "203.0.113.255"),
    ("224.0.0.0", "239.255.255.255"),
    ("240.0.0.0", "255.255.255.255"),
    // Unspecified, loopback, IPv4-compatible: of public addresses too
    ("::", "::1"),
    ("::7f00:1", "::808:808"),
    ("::ffff:0.0.0.0", "::ffff:0.255.255.255"),
    ("::ffff:127.0.0.1", "::ffff:169.254.169.254"),
    ("::ffff:0:7f00:1", "::ffff:0:808:808"),
    ("64:ff9b::7f00:1", "64:ff9b::a9fe:a9fe"),
    ("64:ff9b:1::", "64:ff9b:1:ffff:ffff:ffff:ffff:ffff"),
    ("100::", "100::ffff:ffff:ffff:ffff"),
    ("1fff::", "1fff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001::", "2001:1ff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2001:db8::", "2001:db8:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2002::", "2002:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("2002:7f00:1::", "2002:a9fe:a9fe::"),
    ("3fff::", "3fff:fff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("5f00::", "5f00:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("fc00::", "fdff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("fd00:ec2::254", "fd00:ec2::23"),
    ("fe80::", "feff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
    ("ff00::", "ffff:ffff:ffff:ffff:ffff:ffff:ffff:ffff"),
];

/// The neighbours of those networks, and well-known servers.
const PUBLIC: [&str; 36] = [
    "1.0.0.0",
    "9.255.255.255",
    "11.0.0.0",
    "100.63.255.255",
    "100.128.0.0",
    "126.255.255.255",
    "128.0.0.0",
    "169.253.255.255",
    "169.255.0.0",
    "172.15.255.255",
    "172.32.0.0",
    "191.255.255.255",
    "192.0.1.0",
    "192.0.3.0",
    "192.88.98.255",
    "192.88.100.0",
    "192.167.255.255",
    "192.169.0.0",
    "198.17.255.255",
    "198.20.0.0",
    "198.51.99.255",
    "198.51.101.0",
    "203.0.112.255",
    "203.0.114.0",
    "223.255.255.255",
    "8.8.8.8",
    "2000::",
    "2001:200::",
    "2001:db7:ffff::",
    "2001:db9::",
    "2003::",
    "2606:4700:4700::1111",
    "3fff:1000::",
    "3ffe:ffff::",
    "::ffff:8.8.8.8",
    "64:ff9b::808:808",
];

#[test]
fn no_special_network_is_public_from_its_first_address_to_its_last() {
    for (first, last) in PRIVATE {
        assert!(!is_public_text(first), "{first}");
        assert!(!is_public_text(last), "{last}");
    }
}

#[test]
fn what_lies_beside_special_networks_is_public() {
    for address in PUBLIC {
        assert!(is_public_text(address), "{address}");
    }
}

#[test]
fn an_ipv4_address_is_judged_alike_mapped_and_behind_nat64() {
    let addresses = PUBLIC
        .into_iter()
        .chain(PRIVATE.into_iter().flat_map(|(first, last)| [first, last]));
    for address in addresses.filter_map(|text| text.parse::<Ipv4Addr>().ok()) {
        let expected = is_public(address.into());
        let [a, b, c, d] = address.octets();
        let nat64 = format!("64:ff9b::{a:02x}{b:02x}:{c:02x}{d:02x}");
        assert_eq!(
            is_public(address.to_ipv6_mapped().into()),
            expected,
            "mapped {address}"
        );
        assert_eq!(is_public_text(&nat64), expected, "{nat64}");
    }
}
