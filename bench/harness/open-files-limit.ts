/** The clients of a warm-up, and files that a process has open anyway. */
export const OTHER_FILES = 300;

/** How many files, and therefore sockets, this process may open. Node has already raised its soft limit. */
export function openFilesLimit(): number {
  const report = process.report.getReport() as { userLimits?: { open_files?: { soft?: number | string } } };
  const limit = report.userLimits?.open_files?.soft;
  return typeof limit === "number" ? limit : Infinity;
}
