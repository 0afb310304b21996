//! Units and currencies, each under all the names that texts give it.

use std::collections::HashMap;
use std::sync::LazyLock;

/// The name of a unit and what it is written as, in lower case.
const UNITS: &[(&str, &[&str])] = &[
    ("percent", &["%", "％", "percent", "per cent", "pct", "퍼센트", "프로"]),
    ("permille", &["‰"]),
    ("mm", &["mm", "millimetre", "millimetres", "millimeter", "millimeters", "밀리미터"]),
    ("cm", &["cm", "centimetre", "centimetres", "centimeter", "centimeters", "센티미터", "센티"]),
    ("m", &["m", "metre", "metres", "meter", "meters", "미터"]),
    ("km", &["km", "kilometre", "kilometres", "kilometer", "kilometers", "킬로미터"]),
    ("mile", &["mi", "mile", "miles", "마일"]),
    ("foot", &["ft", "foot", "feet", "피트"]),
    ("inch", &["inch", "inches", "인치"]),
    ("yard", &["yd", "yard", "yards", "야드"]),
    ("sqm", &["m²", "m2", "평방미터", "제곱미터", "㎡"]),
    ("sqkm", &["km²", "km2", "제곱킬로미터", "㎢"]),
    ("hectare", &["ha", "hectare", "hectares", "헥타르"]),
    ("acre", &["acre", "acres", "에이커"]),
    ("mg", &["mg", "milligram", "milligrams", "밀리그램"]),
    ("g", &["g", "gram", "grams", "그램"]),
    ("kg", &["kg", "kilogram", "kilograms", "kilo", "kilos", "킬로그램"]),
    ("tonne", &["t", "tonne", "tonnes", "톤"]),
    ("ton", &["ton", "tons"]),
    ("pound", &["lb", "lbs", "pound", "pounds", "파운드"]),
    ("ounce", &["oz", "ounce", "ounces", "온스"]),
    ("ml", &["ml", "millilitre", "millilitres", "milliliter", "milliliters", "밀리리터"]),
    ("litre", &["l", "litre", "litres", "liter", "liters", "리터"]),
    ("gallon", &["gallon", "gallons", "갤런"]),
    ("byte", &["b", "byte", "bytes", "바이트"]),
    ("kb", &["kb", "kilobyte", "kilobytes", "킬로바이트"]),
    ("kib", &["kib", "ki"]),
    ("mb", &["mb", "megabyte", "megabytes", "메가바이트"]),
    ("mib", &["mib", "mi"]),
    ("gb", &["gb", "gigabyte", "gigabytes", "기가바이트"]),
    ("gib", &["gib", "gi"]),
    ("tb", &["tb", "terabyte", "terabytes", "테라바이트"]),
    ("bit", &["bit", "bits", "비트"]),
    ("ms", &["ms", "millisecond", "milliseconds", "밀리초"]),
    ("second", &["s", "sec", "secs", "second", "seconds", "초"]),
    ("minute", &["min", "mins", "minute", "minutes", "분"]),
    ("hour", &["h", "hr", "hrs", "hour", "hours", "시간"]),
    ("o'clock", &["o'clock", "시"]),
    ("day", &["day", "days", "일"]),
    ("week", &["week", "weeks", "주"]),
    ("month", &["month", "months", "개월", "달"]),
    ("calendar month", &["월"]),
    ("year", &["yr", "year", "years", "년"]),
    ("century", &["century", "centuries", "세기"]),
    ("decade", &["년대"]),
    ("celsius", &["°c", "℃", "celsius", "섭씨"]),
    ("fahrenheit", &["°f", "℉", "fahrenheit", "화씨"]),
    ("degree", &["°", "degree", "degrees", "도"]),
    ("kelvin", &["kelvin", "켈빈"]),
    ("hz", &["hz", "hertz", "헤르츠"]),
    ("khz", &["khz"]),
    ("mhz", &["mhz"]),
    ("ghz", &["ghz"]),
    ("watt", &["w", "watt", "watts", "와트"]),
    ("kw", &["kw", "kilowatt", "kilowatts", "킬로와트"]),
    ("mw", &["mw", "megawatt", "megawatts", "메가와트"]),
    ("volt", &["v", "volt", "volts", "볼트"]),
    ("kmh", &["km/h", "kph"]),
    ("mph", &["mph"]),
    ("usd", &["$", "us$", "usd", "dollar", "dollars", "달러", "불"]),
    ("eur", &["€", "eur", "euro", "euros", "유로"]),
    ("gbp", &["£", "gbp"]),
    ("jpy", &["¥", "jpy", "yen", "엔"]),
    ("cny", &["cny", "yuan", "위안"]),
    ("krw", &["₩", "krw", "won", "원"]),
    ("person", &["명", "사람", "people", "persons", "person"]),
    ("piece", &["개"]),
    ("time", &["회", "번", "차례", "times"]),
    ("nth", &["번째", "째", "위", "차", "호", "대"]),
    ("age", &["세", "살"]),
    ("floor", &["층"]),
    ("volume", &["권"]),
    ("animal", &["마리"]),
    ("vehicle", &["대의"]),
    ("place", &["곳", "개소"]),
    ("country", &["개국"]),
    ("kind", &["가지", "종", "종류"]),
    ("page", &["쪽", "페이지"]),
    ("point", &["점"]),
    ("multiple", &["배"]),
    ("pyeong", &["평"]),
];

static NAMES: LazyLock<HashMap<&str, &str>> = LazyLock::new(|| {
    let mut units = HashMap::new();
    for (unit, names) in UNITS {
        names.iter().for_each(|name| _ = units.entry(*name).or_insert(*unit));
    }
    units
});

/// The unit with this name, in lower case.
pub(super) fn unit(written: &str) -> Option<&'static str> {
    NAMES.get(written).copied()
}

/// The longest unit that a run of Hangul begins with, and how many bytes it takes.
pub(super) fn hangul_unit(run: &str) -> Option<(&'static str, usize)> {
    let ends = run.char_indices().map(|(at, c)| at + c.len_utf8());
    ends.rev().find_map(|end| unit(&run[..end]).map(|unit| (unit, end)))
}

/// Whether a unit is a currency, whose sign stands before the number.
pub(super) fn currency_sign(sign: &str) -> Option<&'static str> {
    matches!(sign, "$" | "€" | "£" | "¥" | "₩").then(|| unit(sign)).flatten()
}
