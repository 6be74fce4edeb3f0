//! What the project does besides `cargo build` and `cargo test`: the agent's binaries for phones, what they cost, and
//! proof that they run where no phone is at hand. docs/building.md is its manual.

mod agent_build;
mod debian;
mod elf;
mod emulated;
mod idle;
mod paths;
mod phone_tree;
mod run;
mod size;
mod speed;
mod sysroot;
mod target;
mod vm;
mod zig;

use clap::{Parser, Subcommand};

/// Builds the agent for phones and runs it without one
#[derive(Debug, Parser)]
#[command(name = "cargo xtask", after_help = "docs/building.md says what each needs and what it was tried on.")]
struct Arguments {
    #[command(subcommand)]
    task: Task,
}

#[derive(Debug, Subcommand)]
enum Task {
    /// Build the agent for phones and boards
    AgentBuild(agent_build::AgentBuild),
    /// Say what each part of the agent's binary costs, and hold it to its budget
    Size(size::Size),
    /// Measure what an agent without work costs: memory and CPU
    Idle(idle::Idle),
    /// Compare inference of the agent as it is shipped with one that was built for speed alone
    Speed(speed::Speed),
    /// Build the arm64 agents and run the tests that need them under user-mode emulation
    Emulated(emulated::Emulated),
    /// Boot an arm64 kernel with clocks, heat and a battery, and try the agent on it
    Vm(vm::Vm),
    /// Make the folder from which the tests of the rack run phones
    PhoneTree(phone_tree::PhoneTree),
}

fn main() -> anyhow::Result<()> {
    match Arguments::parse().task {
        Task::AgentBuild(task) => task.run(),
        Task::Size(task) => task.run(),
        Task::Idle(task) => task.run(),
        Task::Speed(task) => task.run(),
        Task::Emulated(task) => task.run(),
        Task::Vm(task) => task.run(),
        Task::PhoneTree(task) => task.run(),
    }
}
