//! Dates as Python's `strftime` writes them, in UTC.

use std::time::{SystemTime, UNIX_EPOCH};

use minijinja::{Error, ErrorKind};

/// Bytes that a format of `strftime_now` may have.
const MAX_TIME_FORMAT: usize = 1 << 10;

/// Seconds since 1970.
pub(super) fn unix_now() -> i64 {
    SystemTime::now().duration_since(UNIX_EPOCH).map_or(0, |d| d.as_secs() as i64)
}

/// A date and time of day, UTC.
struct CivilTime {
    year: i64,
    /// 0 for January.
    month: usize,
    day: i64,
    hour: i64,
    minute: i64,
    second: i64,
    /// 0 for Monday.
    weekday: usize,
    /// 1 for the first of January.
    day_of_year: i64,
}

const MONTHS: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];
const WEEKDAYS: [&str; 7] =
    ["Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"];

impl CivilTime {
    fn from_unix(seconds: i64) -> CivilTime {
        let (mut days, time) = (seconds.div_euclid(86_400), seconds.rem_euclid(86_400));
        // 1 January 1970 was a Thursday.
        let weekday = (days + 3).rem_euclid(7) as usize;
        // 400 Gregorian years have 146,097 days: leave at most that many to walk through.
        let cycles = days.div_euclid(146_097);
        days -= cycles * 146_097;
        let mut year = 1970 + 400 * cycles;
        while days >= days_in_year(year) {
            days -= days_in_year(year);
            year += 1;
        }
        let day_of_year = days + 1;
        let mut month = 0;
        while days >= days_in_month(year, month) {
            days -= days_in_month(year, month);
            month += 1;
        }
        CivilTime {
            year,
            month,
            day: days + 1,
            hour: time / 3600,
            minute: time / 60 % 60,
            second: time % 60,
            weekday,
            day_of_year,
        }
    }
}

fn is_leap(year: i64) -> bool {
    (year % 4 == 0 && year % 100 != 0) || year % 400 == 0
}

fn days_in_year(year: i64) -> i64 {
    if is_leap(year) { 366 } else { 365 }
}

fn days_in_month(year: i64, month: usize) -> i64 {
    match month {
        1 if is_leap(year) => 29,
        1 => 28,
        3 | 5 | 8 | 10 => 30,
        _ => 31,
    }
}

/// Python's `strftime` for the directives of the C locale. Time is UTC: a rendering must not
/// depend on where the machine stands.
pub(super) fn strftime(now: i64, format: &str) -> Result<String, Error> {
    if format.len() > MAX_TIME_FORMAT {
        let what = format!("strftime_now with a format of {} bytes", format.len());
        return Err(Error::new(ErrorKind::InvalidOperation, what));
    }
    let t = CivilTime::from_unix(now);
    let hour12 = (t.hour + 11) % 12 + 1;
    let half = if t.hour < 12 { "AM" } else { "PM" };
    let (month, weekday) = (MONTHS[t.month], WEEKDAYS[t.weekday]);
    let mut out = String::new();
    let mut chars = format.chars();
    while let Some(c) = chars.next() {
        if c != '%' {
            out.push(c);
            continue;
        }
        let text = match chars.next() {
            Some('a') => weekday[..3].to_string(),
            Some('A') => weekday.to_string(),
            Some('w') => ((t.weekday + 1) % 7).to_string(),
            Some('d') => format!("{:02}", t.day),
            Some('e') => format!("{:2}", t.day),
            Some('b' | 'h') => month[..3].to_string(),
            Some('B') => month.to_string(),
            Some('m') => format!("{:02}", t.month + 1),
            Some('y') => format!("{:02}", t.year.rem_euclid(100)),
            Some('Y') => t.year.to_string(),
            Some('H') => format!("{:02}", t.hour),
            Some('I') => format!("{hour12:02}"),
            Some('p') => half.to_string(),
            Some('M') => format!("{:02}", t.minute),
            Some('S') => format!("{:02}", t.second),
            Some('f') => "000000".to_string(),
            Some('z' | 'Z') => String::new(), // Python's naive datetime prints nothing here.
            Some('j') => format!("{:03}", t.day_of_year),
            Some('c') => format!(
                "{} {} {:2} {:02}:{:02}:{:02} {}",
                &weekday[..3],
                &month[..3],
                t.day,
                t.hour,
                t.minute,
                t.second,
                t.year
            ),
            Some('x' | 'D') => {
                format!("{:02}/{:02}/{:02}", t.month + 1, t.day, t.year.rem_euclid(100))
            }
            Some('X' | 'T') => format!("{:02}:{:02}:{:02}", t.hour, t.minute, t.second),
            Some('F') => format!("{}-{:02}-{:02}", t.year, t.month + 1, t.day),
            Some('%') => "%".to_string(),
            Some(other) => {
                let what = format!("strftime_now does not know the directive %{other}");
                return Err(Error::new(ErrorKind::InvalidOperation, what));
            }
            None => "%".to_string(),
        };
        out.push_str(&text);
    }
    Ok(out)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn strftime_follows_pythons() {
        let format = |f: &str| strftime(1_721_997_296, f).unwrap();
        assert_eq!(format("%d %b %Y"), "26 Jul 2024");
        assert_eq!(format("%A %B %j %H:%M:%S %I%p %%"), "Friday July 208 12:34:56 12PM %");
        assert_eq!(strftime(951_782_400, "%F %a").unwrap(), "2000-02-29 Tue");
        assert_eq!(strftime(-1, "%F %T").unwrap(), "1969-12-31 23:59:59");
        assert!(strftime(0, "%Q").is_err());
    }
}
