use super::*;

fn check(values: &[i64], times: Option<(Forecast, &[i64])>) -> usize {
    let mut bytes = Vec::new();
    let mut rows = times.map(|(_, times)| times.iter().copied());
    let forecast =
        times.map(|(forecast, _)| forecast).zip(rows.as_mut().map(|rows| rows as &mut dyn Iterator<Item = i64>));
    put(&mut bytes, values, forecast, Codec::L2).expect("small");
    let mut reader = Reader::new(&bytes, "test");
    let numbers = Numbers::read(&mut reader, bytes.len()).expect("sound");
    assert_eq!(reader.end(), Ok(()));
    let stored = Stored::new(&bytes, None, u64::MAX);
    let mut rows = times.map(|(_, times)| times.iter().copied());
    let decoded =
        numbers.decode(&stored, values.len(), rows.as_mut().map(|rows| rows as &mut dyn Iterator<Item = i64>));
    assert_eq!(decoded.as_deref(), Ok(values));
    bytes.len()
}

#[test]
fn numbers_come_back_in_every_coding() {
    let mixed = |at: i64| (at.wrapping_mul(0x9e37_79b9_7f4a_7c15_u64 as i64) >> 1) & i64::MAX;
    assert_eq!(check(&[7; 5000], None), 3);
    check(&[i64::MIN, i64::MAX, 0, -1, 1], None);
    let random: Vec<i64> = (0..1000).map(mixed).collect();
    assert!(check(&random, None) < 8200);
    let skewed: Vec<i64> = random.iter().map(|value| value >> (value & 63)).collect();
    assert!(check(&skewed, None) < 5500);
    let codes: Vec<i64> = random.iter().map(|value| [200, 404, 1_000_000][(value % 3) as usize]).collect();
    assert!(check(&codes, None) < 300);
    let rising: Vec<i64> = random
        .iter()
        .scan(1 << 40, |sum, value| {
            *sum += value & 15;
            Some(*sum)
        })
        .collect();
    assert!(check(&rising, None) < 700);
}

#[test]
fn what_rows_foresee_takes_no_space() {
    let times: Vec<i64> = (0..1000).map(|at| 1_795_424_400_000_000_000 + at * at * 12_345_678).collect();
    for forecast in [Forecast::Clock(3), Forecast::Epoch(6), Forecast::Fraction(2)] {
        let values: Vec<i64> = times.iter().map(|time| forecast.of(*time)).collect();
        assert_eq!(check(&values, Some((forecast, &times))), 4, "{forecast:?}");
    }
}
