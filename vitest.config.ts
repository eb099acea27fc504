import { defineConfig } from "vitest/config";

/**
 * Two projects: `unit` needs nothing outside the repository, `reference` compares with the folder of reference results
 * (`RFMEDSAM_SHARED`, by default `../shared`). Packages resolve to their sources, so tests need no build of ours.
 */
const conditions = ["source"];

const common = {
  pool: "forks" as const,
  maxWorkers: 2,
  testTimeout: 60_000,
  hookTimeout: 60_000,
  // Two workers share the cores; operators that spin for threads of their own would make both many times slower.
  env: { OMP_NUM_THREADS: "1", OMP_WAIT_POLICY: "PASSIVE" },
};

export default defineConfig({
  resolve: { conditions },
  ssr: { resolve: { conditions, externalConditions: conditions } },
  test: {
    projects: [
      {
        extends: true,
        test: {
          ...common,
          name: "unit",
          include: [
            "packages/*/src/**/*.test.ts",
            "bench/src/**/*.test.ts",
            "fuzz/src/**/*.test.ts",
            "tests/**/*.test.ts",
          ],
          exclude: ["**/*.reference.test.ts"],
        },
      },
      {
        extends: true,
        test: {
          ...common,
          name: "reference",
          include: ["packages/*/src/**/*.reference.test.ts", "tests/**/*.reference.test.ts"],
        },
      },
    ],
  },
});
