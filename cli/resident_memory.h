// Gives memory back to the system once the program has started.
#pragma once

namespace penstock::cli {

// Lets go of the pages of program and library files that are in memory only because the start ran
// through them: command line, configuration, dynamic linking. What runs on is read in again from the
// page cache as it is reached. Nothing that was written to is touched. Thread-safe.
void give_back_pages_of_the_start();

}  // namespace penstock::cli
