//! Heat: a die on a body in the air, two thermal masses joined by resistances, and leakage that grows with the die's
//! temperature.

use super::file::{HeatSpec, Place};

/// Temperatures at one moment, °C.
#[derive(Debug, Clone)]
pub(super) struct Heat {
    spec: HeatSpec,
    pub(super) ambient: f64,
    pub(super) die: f64,
    pub(super) body: f64,
}

impl Heat {
    /// Everything as warm as the air.
    pub(super) fn of(spec: HeatSpec) -> Self {
        Self { ambient: spec.ambient_c, die: spec.ambient_c, body: spec.ambient_c, spec }
    }

    pub(super) fn at(&self, place: Place) -> f64 {
        match place {
            Place::Die => self.die,
            Place::Body => self.body,
        }
    }

    /// Factor of leakage against 25 °C.
    pub(super) fn leakage(&self) -> f64 {
        (self.spec.leakage_per_k * (self.die - 25.0)).exp()
    }

    /// Lets heat flow for a time: `chip_w` is made in the die, `rest_w` in the body. The time is short against every
    /// product of a mass and a resistance.
    pub(super) fn flow(&mut self, seconds: f64, chip_w: f64, rest_w: f64) {
        let to_body = (self.die - self.body) / self.spec.die_k_per_w;
        let to_air = (self.body - self.ambient) / self.spec.body_k_per_w;
        self.die += (chip_w - to_body) * seconds / self.spec.die_j_per_k;
        self.body += (rest_w + to_body - to_air) * seconds / self.spec.body_j_per_k;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_load_ends_at_the_temperature_that_its_resistances_say_and_cools_to_the_air() {
        let spec = HeatSpec {
            ambient_c: 25.0,
            die_j_per_k: 1.0,
            die_k_per_w: 8.0,
            body_j_per_k: 50.0,
            body_k_per_w: 6.0,
            leakage_per_k: 0.02,
        };
        let mut heat = Heat::of(spec);
        for _ in 0..60_000 {
            heat.flow(0.1, 3.0, 1.0);
        }
        assert!((heat.body - (25.0 + 4.0 * 6.0)).abs() < 0.1, "{heat:?}");
        assert!((heat.die - (heat.body + 3.0 * 8.0)).abs() < 0.1, "{heat:?}");
        assert!((heat.leakage() - (0.02 * (heat.die - 25.0)).exp()).abs() < 1e-9);
        for _ in 0..60_000 {
            heat.flow(0.1, 0.0, 0.0);
        }
        assert!((heat.die - 25.0).abs() < 0.1, "{heat:?}");
    }
}
