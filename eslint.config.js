import tseslint from 'typescript-eslint'

export default tseslint.config(
  {
    ignores: [
      'build/',
      'dist/',
      'coverage/',
      'reports/',
      '.cache/',
      '**/node_modules/',
      '**/build/',
    ],
  },
  {
    files: ['lib/**/*.ts', 'test/**/*.ts', '*.ts'],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      // Numbers and booleans read well in messages.
      '@typescript-eslint/restrict-template-expressions': [
        'error',
        { allowNumber: true, allowBoolean: true },
      ],
      // Callers in JavaScript pass what the types forbid; each public function checks.
      '@typescript-eslint/no-unnecessary-condition': 'off',
      // Void-returning one-liners are clearer without braces.
      '@typescript-eslint/no-confusing-void-expression': ['error', { ignoreArrowShorthand: true }],
      complexity: ['error', 12],
      'max-lines-per-function': ['error', { max: 70, skipBlankLines: true, skipComments: true }],
    },
  },
  {
    files: ['test/**/*.ts'],
    rules: {
      // A describe block is one function however long.
      'max-lines-per-function': 'off',
      // Tests hand over what is wrong on purpose.
      '@typescript-eslint/no-explicit-any': 'off',
      // once() and friends are functions that need no this, whatever the types of Node's classes say.
      '@typescript-eslint/unbound-method': 'off',
      '@typescript-eslint/no-unsafe-argument': 'off',
      '@typescript-eslint/no-unsafe-assignment': 'off',
      '@typescript-eslint/no-unsafe-call': 'off',
      '@typescript-eslint/no-unsafe-member-access': 'off',
      '@typescript-eslint/no-unsafe-return': 'off',
      '@typescript-eslint/no-unsafe-class-instance-assignment': 'off',
    },
  },
  {
    files: ['**/*.js'],
    extends: [tseslint.configs.recommended],
  },
)
