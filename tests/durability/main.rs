//! What must survive: the real program is killed, starved of space, cut off and started twice.
//!
//! | module | what happens |
//! | --- | --- |
//! | `crash` | SIGKILL in the middle of concurrent writes, parts and appends, and of a start |
//! | `client_gone` | clients hang up in the middle of an upload, or before the answer |
//! | `disk_full` | a small disk is filled |
//! | `faults` | commits and disks fail under the service, in this process |
//! | `long_lists` | SIGKILL while a long list is put in pieces |
//! | `memory` | a large object goes up and down |
//! | `write_errors` | files may not grow, folders are gone |
//! | `one_server` | a second server is started in the folder of the first |
//! | `cold_start` | a server is started in a folder with many objects |
//!
//! The environment can ask for more:
//!
//! | variable | meaning | default |
//! | --- | --- | --- |
//! | `REFGATE_CRASH_ROUNDS` | how often the server is killed | 12 |
//! | `REFGATE_CRASH_SEED` | repeats the choices of a run that failed | random |
//! | `REFGATE_TEST_NO_NAMESPACES` | 1 leaves out `disk_full`, where nobody may mount | |

#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "what these functions do serves tests: they may panic"
)]

mod client_gone;
mod cold_start;
mod crash;
mod disk_full;
mod faults;
mod long_lists;
mod memory;
mod one_server;
mod support;
mod write_errors;
