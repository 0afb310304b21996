//! Many rows in few statements: each statement is a turn of the connection's own thread, whatever it writes.

/// The most rows of one statement; with 13 columns they stay far below the 32,766 parameters that SQLite allows.
const ROWS_MAX: usize = 64;

/// `rows` in runs of 64, 32, 16 and so on, so that seven statements, which the connection keeps prepared, write any number.
pub(super) fn runs<T>(rows: &[T]) -> impl Iterator<Item = &[T]> + Send
where
    T: Sync,
{
    let mut left = rows;
    std::iter::from_fn(move || {
        let power = left.len().min(ROWS_MAX).checked_ilog2()?;
        let (run, rest) = left.split_at(1 << power);
        left = rest;
        Some(run)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn any_number_of_rows_is_covered_in_order_by_powers_of_two() {
        for count in [0_usize, 1, 2, 3, 63, 64, 65, 127, 200] {
            let rows: Vec<usize> = (0..count).collect();
            let covered: Vec<&[usize]> = runs(&rows).collect();
            assert_eq!(covered.concat(), rows);
            assert!(covered.iter().all(|run| run.len().is_power_of_two() && run.len() <= ROWS_MAX));
            assert!(covered.len() <= count / ROWS_MAX + 6, "{count} rows in {} statements", covered.len());
        }
    }
}
