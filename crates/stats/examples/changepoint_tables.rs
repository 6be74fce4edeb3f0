use benchrack_stats::changepoint::analyse;
#[path = "../tests/it/scoring.rs"]
mod scoring;
fn main() {
    let folder = std::env::args().nth(1).unwrap();
    for one in scoring::marked_series(folder.as_ref()).unwrap() {
        let a = analyse(&one.values).unwrap();
        let f: Vec<usize> = a.changes.iter().map(|c| c.index).collect();
        println!(
            "{} {:.3} {:.3} {:.3} {:?} {:?}",
            one.name,
            scoring::f1(&one, &f),
            scoring::cover(&one, &f),
            a.persistence,
            a.changes.iter().map(|c| (c.index, c.kind, (c.strength * 10.0).round() / 10.0)).collect::<Vec<_>>(),
            a.drifts.iter().map(|d| (d.start, d.end)).collect::<Vec<_>>()
        );
    }
}
