//! Thinning of crowded charts: of the points that fall into one narrow column of the picture, the lowest and the highest
//! are kept, so no extreme is lost and ten thousand points cost no more than a few hundred.

/// Indices to draw, ascending, of points given by `(position across, value)`; `columns` over the positions' extent.
/// All of them when there are at most two for each column.
pub(crate) fn decimate(points: &[(f64, f64)], columns: usize) -> Vec<usize> {
    if points.len() <= 2 * columns.max(1) {
        return (0..points.len()).collect();
    }
    let mut kept: Vec<usize> = extremes(points, columns).into_iter().flat_map(|(low, high)| [low, high]).collect();
    kept.sort_unstable();
    kept.dedup();
    kept
}

/// Indices of the lowest and the highest point of each column that has any, from left to right.
pub(crate) fn extremes(points: &[(f64, f64)], columns: usize) -> Vec<(usize, usize)> {
    let columns = columns.max(1);
    let Some((first, last)) = super::axis::extent(points.iter().map(|(x, _)| *x)) else { return Vec::new() };
    let width = ((last - first) / columns as f64).max(f64::MIN_POSITIVE);
    let mut ends: Vec<Option<(usize, usize)>> = vec![None; columns + 1];
    for (nth, (x, value)) in points.iter().enumerate() {
        if !value.is_finite() || !x.is_finite() {
            continue;
        }
        let column = (((x - first) / width) as usize).min(columns);
        ends[column] = Some(match ends[column] {
            None => (nth, nth),
            Some((low, high)) => {
                (if *value < points[low].1 { nth } else { low }, if *value > points[high].1 { nth } else { high })
            }
        });
    }
    ends.into_iter().flatten().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn few_points_are_all_kept() {
        assert_eq!(decimate(&[(0.0, 1.0), (1.0, 3.0), (2.0, 2.0)], 2), [0, 1, 2]);
        assert!(decimate(&[], 10).is_empty());
    }

    #[test]
    fn extremes_survive_and_the_number_is_bounded() {
        let mut points: Vec<(f64, f64)> = (0..10_000).map(|nth| (f64::from(nth), f64::from(nth * 7919 % 101))).collect();
        points[5_000].1 = 1e9;
        points[7_777].1 = -1e9;
        points[3].1 = f64::NAN;
        let kept = decimate(&points, 100);
        assert!(kept.len() <= 202, "{}", kept.len());
        assert!(kept.contains(&5_000) && kept.contains(&7_777) && !kept.contains(&3));
        assert!(kept.is_sorted());
    }

    #[test]
    fn points_at_one_place_are_thinned_too() {
        let kept = decimate(&vec![(1.0, 2.0); 1000], 10);
        assert_eq!(kept, [0]);
    }
}
