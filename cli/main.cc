#include <unistd.h>

#include "cli/program.h"

int main(int argc, char** argv) { return penstock::cli::run_program(argc, argv, environ); }
