use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use super::*;

fn is_refused_as(expected: UrlProblem, urls: &[&str]) {
    for url in urls {
        assert_eq!(check(url), Err(expected), "{url}");
    }
}

#[test]
fn public_names_and_addresses_are_accepted() {
    for url in [
        "https://callback.example",
        "https://callback.example:8443/jobs?token=a%20b",
        "HTTPS://Callback.Example./",
        "https://bücher.example/",
        "https://8.8.8.8/",
        "https://[2606:4700:4700::1111]/",
        "https://[::ffff:8.8.8.8]/",
        "https://localhost.example/",
        "https://internal.example/",
        "https://notlocal.example/",
    ] {
        assert_eq!(check(url), Ok(()), "{url}");
    }
}

#[test]
fn addresses_that_are_not_public_are_refused_in_every_form() {
    is_refused_as(
        UrlProblem::PrivateAddress,
        &[
            "https://127.0.0.1/",
            "https://127.0.0.1./",
            "https://127.1/",
            "https://127.0.1/",
            "https://2130706433/",
            "https://0x7f000001/",
            "https://0x7f.1/",
            "https://017700000001/",
            "https://0177.0.0.1/",
            "https://%31%32%37.0.0.1/",
            "https://127。0。0。1/",
            "https://1②7.0.0.1/",
            "https:\\\\127.0.0.1\\",
            "https:127.0.0.1",
            "https://127.0.\t0.1/",
            " https://127.0.0.1/ ",
            "https://0/",
            "https://10.1.2.3:8080/",
            "https://169.254.169.254/latest/meta-data/",
            "https://0xa9fea9fe/",
            "https://[::1]/",
            "https://[::]/",
            "https://[0:0:0:0:0:0:0:1]/",
            "https://[::ffff:127.0.0.1]/",
            "https://[::ffff:a9fe:a9fe]/",
            "https://[::127.0.0.1]/",
            "https://[64:ff9b::169.254.169.254]/",
            "https://[2002:7f00:1::]/",
            "https://[2001:0:7f00:1::]/",
            "https://[fd00:ec2::254]/",
            "https://[fe80::1]/",
        ],
    );
}

#[test]
fn names_that_are_not_public_are_refused_in_every_form() {
    is_refused_as(
        UrlProblem::PrivateName,
        &[
            "https://localhost/",
            "https://LOCALHOST:8443/",
            "https://localhost./",
            "https://localhost../",
            "https://ｌｏｃａｌｈｏｓｔ/",
            "https://%6cocalhost/",
            "https://a.localhost/",
            "https://printer.local/",
            "https://metadata.google.internal/",
            "https://ip-10-0-0-1.eu-west-1.compute.internal./",
            "https://database/",
        ],
    );
}

#[test]
fn other_rules_are_told_apart() {
    is_refused_as(
        UrlProblem::Malformed,
        &[
            "",
            "callback.example",
            "https://",
            "https:///",
            "https://a b/",
            "https://[::1/",
            "https://256.0.0.1/",
            "https://[fe80::1%25eth0]/",
        ],
    );
    is_refused_as(
        UrlProblem::Scheme,
        &[
            "http://callback.example/",
            "ftp://callback.example/",
            "file:///etc/passwd",
            "data:,",
        ],
    );
    is_refused_as(
        UrlProblem::Credentials,
        &[
            "https://user@callback.example/",
            "https://:password@callback.example/",
        ],
    );
    is_refused_as(
        UrlProblem::Fragment,
        &["https://callback.example/#a", "https://callback.example/#"],
    );
}

#[test]
fn a_url_has_at_most_2048_bytes() {
    let padded = |length: usize| format!("{:a<length$}", "https://callback.example/");
    assert_eq!(check(&padded(2048)), Ok(()));
    assert_eq!(check(&padded(2049)), Err(UrlProblem::TooLong));
}

#[test]
fn what_is_allowed_may_be_private_and_plain_at_its_port_only() {
    let allow = ["127.0.0.1:8080", "[::1]:8080", "server.internal:443"].map(str::to_owned);
    for url in [
        "http://127.0.0.1:8080/a?b",
        "https://0x7f.1:8080/",
        "http://[0::1]:8080/",
        "https://server.internal/",
    ] {
        let target = Target::parse(url, &allow).expect(url);
        assert!(target.may_be_private, "{url}");
    }
    for (url, problem) in [
        ("http://127.0.0.1:8081/", UrlProblem::Scheme),
        ("https://127.0.0.1:8081/", UrlProblem::PrivateAddress),
        ("https://127.0.0.2:8080/", UrlProblem::PrivateAddress),
        ("https://a.server.internal/", UrlProblem::PrivateName),
        ("ftp://127.0.0.1:8080/", UrlProblem::Scheme),
        ("http://user@127.0.0.1:8080/", UrlProblem::Credentials),
        ("http://127.0.0.1:8080/#a", UrlProblem::Fragment),
    ] {
        assert_eq!(Target::parse(url, &allow).expect_err(url), problem, "{url}");
    }
    assert!(
        !Target::parse("https://callback.example", &allow)
            .unwrap()
            .may_be_private
    );
}

/// Numbers that look random, from Knuth's generator: the same in every run.
fn numbers() -> impl Iterator<Item = u64> {
    std::iter::successors(Some(1_u64), |number| {
        Some(
            number
                .wrapping_mul(6_364_136_223_846_793_005)
                .wrapping_add(1_442_695_040_888_963_407),
        )
    })
    .map(|number| number ^ (number >> 33))
}

fn agrees(host: &str, address: IpAddr) {
    let expected = if is_public(address) {
        Ok(())
    } else {
        Err(UrlProblem::PrivateAddress)
    };
    assert_eq!(check(&format!("https://{host}/")), expected, "{host}");
}

#[test]
fn a_literal_is_accepted_exactly_if_its_address_is_public() {
    for number in numbers().take(20_000) {
        let address = Ipv4Addr::from_bits(number as u32);
        let [a, b, c, d] = address.octets();
        agrees(&address.to_string(), address.into());
        agrees(&format!("{:#x}", address.to_bits()), address.into());
        agrees(
            &format!("{a:#o}.{b}.{}", u16::from_be_bytes([c, d])).replace("0o", "0"),
            address.into(),
        );
        agrees(&format!("[::ffff:{address}]"), address.into());
    }
}

#[test]
fn an_ipv6_literal_is_accepted_exactly_if_its_address_is_public() {
    let prefixes = [
        0x2000, 0x2001, 0x2002, 0x2600, 0x3fff, 0x64, 0x100, 0xfd00, 0xfe80, 0xff02, 0,
    ];
    for (number, prefix) in numbers().take(20_000).zip(prefixes.into_iter().cycle()) {
        let bits = prefix << 112 | u128::from(number) << 45 | u128::from(number);
        let address = Ipv6Addr::from_bits(bits);
        agrees(&format!("[{address}]"), address.into());
    }
}

#[test]
fn problems_have_a_code_and_do_not_repeat_the_url() {
    let url = "https://user:hunter2@10.0.0.1/?token=secret#part";
    let problem = check(url).unwrap_err();
    assert_eq!(problem.code(), "has_credentials");
    let text = format!("{problem} {problem:?} {}", problem.code());
    for part in ["user:", "hunter2", "10.0", "token", "part"] {
        assert!(!text.contains(part), "{text}");
    }
}
