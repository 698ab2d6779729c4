//! Figures for the user.

/// Nanoseconds for the user, with three digits: `1.25 ms`.
pub fn duration(ns: u64) -> String {
    let (value, unit) = match ns {
        0..1_000 => return format!("{ns} ns"),
        1_000..1_000_000 => (ns as f64 / 1e3, "µs"),
        1_000_000..1_000_000_000 => (ns as f64 / 1e6, "ms"),
        1_000_000_000..60_000_000_000 => (ns as f64 / 1e9, "s"),
        _ => {
            let seconds = ns / 1_000_000_000;
            let (hours, minutes, seconds) = (seconds / 3600, seconds / 60 % 60, seconds % 60);
            return if hours == 0 {
                format!("{minutes} min {seconds:02} s")
            } else {
                format!("{hours} h {minutes:02} min")
            };
        }
    };
    let digits = if value < 10.0 {
        2
    } else if value < 100.0 {
        1
    } else {
        0
    };
    format!("{value:.digits$} {unit}")
}

/// The same in at most eight characters up to a thousand hours, for a column: `1m 22s`.
pub fn short_duration(ns: u64) -> String {
    let text = duration(ns);
    match ns {
        0..60_000_000_000 => text,
        _ => text.replace(" h", "h").replace(" min", "m").replace(" s", "s"),
    }
}

/// Why the operating system has refused, without Rust's number of it.
pub fn reason(error: &std::io::Error) -> String {
    let text = error.to_string();
    match (text.rfind(" (os error "), error.raw_os_error()) {
        (Some(at), Some(_)) => text[..at].to_owned(),
        _ => text,
    }
}

/// Bytes for the user: `1.5 KiB`.
pub fn bytes(count: u64) -> String {
    let mut value = count as f64;
    if count < 1024 {
        return format!("{count} B");
    }
    for unit in ["KiB", "MiB", "GiB"] {
        value /= 1024.0;
        if value < 1024.0 {
            return format!("{value:.1} {unit}");
        }
    }
    format!("{:.1} TiB", value / 1024.0)
}

/// A number with its thousands apart: `12,345`.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let mut text = String::with_capacity(digits.len() + digits.len() / 3);
    for (index, digit) in digits.chars().enumerate() {
        if index > 0 && (digits.len() - index).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_have_three_digits_and_a_unit() {
        let shown = [
            (0, "0 ns"),
            (999, "999 ns"),
            (1_500, "1.50 µs"),
            (31_260_000, "31.3 ms"),
            (300_000_000, "300 ms"),
            (59_000_000_000, "59.0 s"),
            (61_000_000_000, "1 min 01 s"),
            (7_260_000_000_000, "2 h 01 min"),
        ];
        for (ns, text) in shown {
            assert_eq!(duration(ns), text);
        }
    }

    #[test]
    fn a_column_has_room_for_a_duration() {
        let shown = [
            (1_500, "1.50 µs"),
            (59_990_000_000, "60.0 s"),
            (82_000_000_000, "1m 22s"),
            (3_599_000_000_000, "59m 59s"),
            (1_000_000_000_000_000, "277h 46m"),
        ];
        for (ns, text) in shown {
            assert_eq!(short_duration(ns), text);
            assert!(text.chars().count() <= 8);
        }
    }

    #[test]
    fn a_reason_has_no_number() {
        let missing = std::fs::File::open("/no/such/file").unwrap_err();
        assert_eq!(reason(&missing), "No such file or directory");
        assert_eq!(
            reason(&std::io::Error::other("a sentence (os error 5)")),
            "a sentence (os error 5)"
        );
    }

    #[test]
    fn bytes_and_counts_are_short() {
        assert_eq!(
            (&bytes(0)[..], &bytes(1_023)[..], &bytes(1_536)[..]),
            ("0 B", "1023 B", "1.5 KiB")
        );
        assert_eq!((&bytes(5 << 20)[..], &bytes(u64::MAX)[..]), ("5.0 MiB", "16777216.0 TiB"));
        assert_eq!(
            (&count(999)[..], &count(12_345)[..], &count(1_234_567)[..]),
            ("999", "12,345", "1,234,567")
        );
    }
}
