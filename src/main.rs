//! The `chartkeep` binary: hands over to `commands`. Not for: anything else.

#[global_allocator]
static ALLOCATOR: mimalloc::MiMalloc = mimalloc::MiMalloc;

fn main() -> std::process::ExitCode {
    chartkeep::commands::main()
}
