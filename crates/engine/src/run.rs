//! The machine that carries out a plan.
