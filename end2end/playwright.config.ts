import { defineConfig } from '@playwright/test'

const minute = 60_000

/**
 * `cargo xtask ci e2e` sets CHROME_BIN and HAVEN_SERVER: a Chromium, and the release relay with the web app in it.
 * HAVEN_KILLS=100 kills the browser more often than in the gate, HAVEN_SEED=2 at other moments.
 */
export default defineConfig({
  testDir: 'tests',
  testMatch: '*.spec.ts',
  outputDir: 'test-results',
  fullyParallel: false,
  forbidOnly: true,
  retries: 0,
  workers: 2,
  timeout: 6 * minute,
  expect: { timeout: minute / 2 },
  reporter: [['list', { printSteps: false }]],
  use: {
    actionTimeout: minute / 2,
    navigationTimeout: minute / 2,
    locale: 'en-GB',
    viewport: { width: 1280, height: 800 },
    screenshot: 'only-on-failure',
    launchOptions: {
      executablePath: process.env.CHROME_BIN,
      args: [
        '--no-sandbox',
        '--disable-gpu',
        '--disable-quic',
        '--no-first-run',
        '--disable-background-networking',
        '--disable-component-update',
        '--disable-sync',
      ],
    },
  },
})
