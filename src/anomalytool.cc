#include "anomaly_exporter/cli/main.h"

int main(int argc, char** argv) { return anomaly_exporter::cli::tool_main(argc, argv); }
